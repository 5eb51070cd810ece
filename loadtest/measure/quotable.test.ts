import { expect, it } from "vitest";
import { Latencies } from "./latencies.ts";
import { quantilesOf, samplesNeeded } from "./quotable.ts";

it("a percentile is quotable when ten answers lie beyond it", () => {
  expect([0.5, 0.9, 0.99, 0.999, 0.99999].map(samplesNeeded)).toEqual([20, 100, 1000, 10_000, 1e6]);
  const latencies = new Latencies();
  for (let at = 0; at < 1000; at++) latencies.record(1);
  expect(quantilesOf(latencies, [0.99, 0.999]).map(({ quotable }) => quotable)).toEqual([
    true,
    false,
  ]);
});
