import { describe, expect, it } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import { aRequest, FakeCall } from "../../test/support/requests.ts";
import { WorkerLost } from "../pool/lane.ts";
import { type Entry, newEntry } from "./entry.ts";
import { afterFailure } from "./recovery.ts";

function entries(count: number): Entry[] {
  return Array.from({ length: count }, () => newEntry(aRequest(), new FakeCall(), 0));
}
const killed = new WorkerLost("killed by SIGKILL", true);

/** Plays executions of which every one with the guilty request kills its worker. */
function play(batch: readonly Entry[], guilty: Entry | undefined) {
  const again = [batch];
  const failed: Entry[] = [];
  let deaths = 0;
  for (let next = again.shift(); next; next = again.shift()) {
    if (!guilty || !next.includes(guilty)) continue;
    deaths += 1;
    const recovery = afterFailure(next, killed);
    again.unshift(...recovery.again);
    failed.push(...recovery.failed.map((f) => f.entry));
  }
  return { failed, deaths };
}

describe("after the death of a worker", () => {
  it("the batch runs again as it was", () => {
    const batch = entries(4);
    expect(afterFailure(batch, killed)).toEqual({ again: [batch], failed: [] });
  });

  it("a batch that only waited there is not counted against", () => {
    const batch = entries(1);
    const queued = new WorkerLost("killed", false);
    for (let i = 0; i < 10; i += 1) expect(afterFailure(batch, queued).again).toEqual([batch]);
    expect(batch[0]?.deaths).toBe(0);
  });

  it.each([1, 2, 7, 64])("only the guilty one of %d fails, after few deaths", (size) => {
    const batch = entries(size);
    const guilty = batch[Math.floor(size / 3)];
    const { failed, deaths } = play(batch, guilty);
    expect(failed).toEqual([guilty]);
    expect(deaths).toBeLessThanOrEqual(3 + Math.ceil(Math.log2(size)));
  });
});

describe("after a refusal by the backend", () => {
  it("a batch is halved, so that a bad request does not fail its mates", () => {
    const batch = entries(4);
    const { again, failed } = afterFailure(batch, new BackendError("input", "not UTF-8"));
    expect(again).toEqual([batch.slice(0, 2), batch.slice(2)]);
    expect(failed).toEqual([]);
  });

  it.each([
    ["input", "INVALID_ARGUMENT"],
    ["exhausted", "RESOURCE_EXHAUSTED"],
    ["device", "UNAVAILABLE"],
    ["internal", "INTERNAL"],
  ] as const)("a single request fails: fault %s is %s", (fault, code) => {
    const [first] = afterFailure(entries(1), new BackendError(fault, "why")).failed;
    expect(first?.status).toMatchObject({ code, message: "why" });
  });
});
