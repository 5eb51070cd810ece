import { describe, expect, it } from "vitest";
import { aSignature, FakeCall } from "../../test/support/requests.ts";
import { StatusError } from "../errors.ts";
import type { WireRequest } from "../inference/request.ts";
import { newTimeline } from "../inference/timeline.ts";
import { ModelAccount } from "../telemetry/account.ts";
import { countRefusals } from "./refusals.ts";

const signature = aSignature();
const wire = { model: 'nobody"\n', version: "" } as WireRequest;

describe("refusals of a gateway without tenants", () => {
  it("are told by reason, before and behind the queue, and never under a name that a client chose", () => {
    const account = new ModelAccount();
    const { refused, metrics } = countRefusals(account);
    refused(wire, new FakeCall(), new StatusError("NOT_FOUND", "unknown"));
    refused(wire, new FakeCall(), new StatusError("INVALID_ARGUMENT", "shape"), signature);
    const timeline = newTimeline(1);
    account.request({ signature, rows: 1, timeline, failure: "BACKEND", execution: undefined });
    account.request({ signature, rows: 1, timeline, failure: undefined, execution: undefined });
    const told = metrics.flatMap((metric) => [...metric.read()]);
    const common = { tenant: "default", model: "jets", version: "1" };
    expect(told).toEqual([
      { labels: { ...common, model: "", version: "", reason: "unknown-model" }, value: 1 },
      { labels: { ...common, reason: "invalid" }, value: 1 },
      { labels: { ...common, reason: "backend" }, value: 1 },
    ]);
  });
});
