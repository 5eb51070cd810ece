import { describe, expect, it } from "vitest";
import { readScenario, specOfScenario } from "../scenario/spec-of-scenario.ts";
import type { Flags } from "./flags.ts";
import { specOfFlags } from "./spec-of-flags.ts";

const ofScenario = (flags: Flags, name = "w2") => specOfScenario(readScenario(name, flags), flags);

describe("flags that would change nothing are refused", () => {
  it.each<[Flags, string]>([
    [{ devices: 2 }, "--devices: belongs to --capacity or --binary-search"],
    [{ latencyThreshold: 5, repeats: 1 }, "--latency-threshold, --repeats: belongs to"],
    [{ timeScale: 2 }, "--time-scale: belongs to --replay"],
    [{ prescale: 2 }, "--prescale: belongs to --threshold"],
    [{ generatorParameter: ["a=b"] }, "--generator-parameter: no model of this run"],
    [
      { concurrencyRange: "1", requestRateRange: "5" },
      "--concurrency-range, --request-rate-range: one load at a time",
    ],
    [
      { capacity: true, budget: [5], concurrencyRange: "1" },
      "--concurrency-range: a search chooses the rates itself",
    ],
  ])("in a run of flags alone: %j", (flags, text) => {
    expect(() => specOfFlags({ modelName: "m", ...flags })).toThrow(text);
  });

  it.each<[Flags, string]>([
    [{ batchSize: 2, shape: ["x:1"] }, "--batch-size, --shape: a scenario says in its file"],
    [{ repeats: 2 }, "--repeats: belongs to --capacity"],
    [{ generatorParameter: ["a=b"] }, "--generator-parameter: no model of this run"],
  ])("with a scenario: %j", (flags, text) => {
    expect(() => ofScenario(flags)).toThrow(text);
  });

  it("as are thresholds where nothing decides", () => {
    expect(() => ofScenario({ threshold: 1 }, "sonic-deepmet")).toThrow("has a trigger");
  });

  it("and what belongs together is taken", () => {
    const search = { capacity: true, budget: [5], devices: 2, requestRateRange: "10:100" };
    expect(specOfFlags({ modelName: "m", ...search }).load).toMatchObject({ from: 10, devices: 2 });
    const made = { generatorParameter: ["a=b"], threshold: 0.4 };
    expect(ofScenario(made, "two-vendor").load.kind).toBe("together");
  });
});

it("a search with a scenario of several streams says what it leaves out", () => {
  const { about } = ofScenario({ capacity: true }, "day");
  expect(about.notes.slice(1)).toEqual([
    "only trigger was asked, not offline-jets, offline-met, farm",
    "the scenario's actions were left out",
  ]);
});
