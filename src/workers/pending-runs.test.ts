import { describe, expect, it } from "vitest";
import { PendingRuns } from "./pending-runs.ts";
import { Rooms } from "./rooms.ts";

/** Which of these runs (instance, its maxInFlight) count as executing when the worker dies. */
function executing(runs: readonly (readonly [number, number])[], loading = false): boolean[] {
  const room = new Rooms(1, undefined).lend(1);
  if (room === undefined) throw new Error("no room");
  const pending = new PendingRuns();
  const verdicts: boolean[] = [];
  for (const [id, [instance, maxInFlight]] of runs.entries()) {
    const reject = (error: Error) => void verdicts.push(error.message === "true");
    pending.add(id, { instance, maxInFlight, room, resolve: () => {}, reject });
  }
  pending.abandon(loading, (started) => new Error(String(started)));
  expect(pending.size).toBe(0);
  return verdicts;
}

describe("the runs of a worker that died", () => {
  it("count as waiting but for the oldest, whichever models they are of", () => {
    expect(
      executing([
        [1, 1],
        [2, 1],
        [1, 1],
      ]),
    ).toEqual([true, false, false]);
  });

  it("count as executing as far as their instance takes several at once", () => {
    expect(
      executing([
        [1, 1],
        [2, 2],
        [2, 2],
        [2, 2],
      ]),
    ).toEqual([true, true, true, false]);
  });

  it("all count as waiting when it was loading a model", () => {
    expect(executing([[1, 1]], true)).toEqual([false]);
  });
});

describe("a result of a run that nobody gave", () => {
  it("is an error", () => {
    expect(() => new PendingRuns().take(7)).toThrow("run 7, which is not pending");
  });
});
