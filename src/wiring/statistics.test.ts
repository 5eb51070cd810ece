import { describe, expect, it } from "vitest";
import { ModelCounters } from "../telemetry/model-counters.ts";
import { countsOf, statisticsOf } from "./statistics.ts";

function counters(requests: number) {
  const made = new ModelCounters("jets", "1");
  made.success.add(1, requests);
  return made;
}
const texts = (...all: readonly ModelCounters[]) => [...countsOf(all)].map((each) => each.write());
const parts = { served: () => [], counters: () => counters(3) };
const successes = (shared: Parameters<typeof statisticsOf>[0]["shared"]) =>
  statisticsOf({ ...parts, shared }).statistics("jets", "1").inference_stats.success.count;
const asOfNow = async () => {};

describe("statistics of a model", () => {
  it("are those of the gateway where it is alone, or has not met the others yet", () => {
    expect(successes(undefined)).toBe("3");
    expect(statisticsOf({ ...parts, shared: undefined })).not.toHaveProperty("asOfNow");
    expect(successes({ of: () => undefined, asOfNow })).toBe("3");
  });

  it("are those of all where they are shared, as they were told last", () => {
    const of = (name: string) => (name === "jets\n1" ? texts(counters(5), counters(2)) : []);
    expect(successes({ of, asOfNow })).toBe("7");
    expect(successes({ of: () => [], asOfNow })).toBe("0");
  });

  it("take a text that is none of theirs for nothing", () => {
    expect(successes({ of: () => ["{", "7", ...texts(counters(5))], asOfNow })).toBe("5");
  });
});

describe("what is told to other gateways", () => {
  it("has no versions that nobody asked for anything", () => {
    expect([...countsOf([counters(0)])]).toEqual([]);
  });

  it("has another mark with every end of a request, and with every execution", () => {
    const one = counters(1);
    const marks = new Set<string | undefined>();
    const mark = () => marks.add([...countsOf([one])][0]?.mark);
    mark();
    mark();
    expect(marks.size).toBe(1);
    one.fail.add(1);
    mark();
    one.executionCount += 1;
    mark();
    one.cacheMiss.add(1);
    mark();
    expect(marks.size).toBe(4);
  });
});
