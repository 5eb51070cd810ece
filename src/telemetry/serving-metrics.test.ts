import { describe, expect, it } from "vitest";
import { aliasFigures, servingMetrics } from "./serving-metrics.ts";

describe("aliases of a model", () => {
  it("share the requests that name no version", () => {
    const aliases = {
      production: { version: "1" },
      candidate: { version: "2", weight: 0.25 },
      "hlt-menu": { version: "1" },
    };
    expect(
      aliasFigures("jets", aliases).map(({ alias, version, share }) => [alias, version, share]),
    ).toEqual([
      ["production", "1", 0.75],
      ["candidate", "2", 0.25],
      ["hlt-menu", "1", 0],
    ]);
  });
});

describe("the wait in front of a model", () => {
  it("is told where somebody knows it", () => {
    const [ahead] = servingMetrics(
      () => [
        { model: "jets", version: "1", secondsAhead: 0.25 },
        { model: "gone", version: "1", secondsAhead: undefined },
      ],
      () => [],
    );
    expect([...(ahead?.read() ?? [])]).toEqual([
      { labels: { model: "jets", version: "1" }, value: 0.25 },
    ]);
  });
});
