import { describe, expect, it } from "vitest";
import { aRequest, aSignature } from "../../test/support/requests.ts";
import { aCaller, aTenant } from "../../test/support/tenants.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { StatusError } from "../errors.ts";
import { ANYBODY } from "../inference/caller.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import type { InferCall, WireRequest } from "../inference/request.ts";
import { newTimeline } from "../inference/timeline.ts";
import { silent } from "../logger.ts";
import { QuotaError } from "../policy/admission/refusal.ts";
import { ModelAccount } from "../telemetry/account.ts";
import { createAccounting } from "./accounting.ts";

const h100 = { id: "gpu:0", vendor: "nvidia", platform: "H100" };
const cpu = { id: "cpu:0", vendor: "cpu", platform: "x86_64" };
const EVER = { fromMs: 0, toMs: Date.now() + 1e9 };

/** A batch of one second, half of which is this request's. */
const outcome = (device: typeof h100): RequestOutcome => ({
  ...{ signature: aSignature(), rows: 4, timeline: newTimeline(1), failure: undefined },
  ...{ execution: { inputUs: 1, inferUs: 1e6, outputUs: 1 }, caller: ANYBODY },
  ...{ request: aRequest({ rows: 4 }), bytesOut: 8, batchRows: 8, device },
});

describe("the ledger of a gateway", () => {
  it("knows how many requests quotas refused, of each tenant", () => {
    const accounting = createAccounting({
      ...{ folder: undefined, keepDays: 1, clock: new VirtualClock(), log: silent },
    });
    const refuse = (tenant: number, error: StatusError, model: string) => {
      const call = { caller: aCaller(aTenant(tenant)) } as InferCall;
      accounting.refused({ model } as WireRequest, call, error, aSignature({ name: model }));
    };
    refuse(1, new QuotaError("rowsPerSecond", "too many", 1), "jets");
    refuse(1, new QuotaError("bytesPerSecond", "too many", 1), "taus");
    refuse(1, new StatusError("NOT_FOUND", "no such model"), "jets");
    refuse(2, new StatusError("UNAVAILABLE", "not now"), "jets");
    expect([...accounting.throttled()]).toEqual([["tenant 1", 2]]);
  });

  it("has the energy of devices that are measured, and null for those that are not", async () => {
    const clock = new VirtualClock();
    const accounting = createAccounting({
      ...{ folder: undefined, keepDays: 1, clock, log: silent },
      power: async () => new Map([[h100.id, 400]]),
    });
    const account = accounting.watching(new ModelAccount());
    await accounting.service.start(new AbortController().signal);
    account.request(outcome(h100));
    account.request(outcome(cpu));
    await clock.advance(10_000);
    account.request(outcome(h100));
    account.request(outcome(h100));
    account.request(outcome(cpu));
    await clock.advance(10_000);
    const lines = await accounting.usage(EVER);
    expect(
      lines.map(({ device, deviceSeconds, measuredSeconds, joules }) => [
        ...[device, deviceSeconds, measuredSeconds, joules],
      ]),
    ).toEqual([
      ["nvidia/H100", 1.5, 1, 400],
      ["cpu/x86_64", 1, 0, null],
    ]);
    const names = (metric: string) =>
      accounting.metrics.flatMap((each) => (each.name === metric ? [...each.read()] : []));
    expect(names("beamgate_usage_joules_total")).toMatchObject([
      { labels: { device: "nvidia/H100" }, value: 400 },
    ]);
    await accounting.service.stop();
  });
});
