import { describe, expect, it } from "vitest";
import { examplePoint, exampleResult } from "../../test/support/loadtest-result.ts";
import { compareResults } from "./compare.ts";

describe("two results", () => {
  it("that are equal differ in nothing", () => {
    const { rows, warnings } = compareResults(exampleResult(), exampleResult(), 0.05);
    expect(new Set(rows.map(({ verdict }) => verdict))).toEqual(new Set(["same"]));
    expect(rows.map(({ figure }) => figure)).toContain("p99.9");
    expect(warnings).toEqual([]);
  });

  it("say what became better and what worse, beyond the tolerance", () => {
    const slower = examplePoint({ answeredPerSecond: 900, unanswered: { count: 0, oldestMs: 0 } });
    const { rows } = compareResults(exampleResult(), exampleResult({ points: [slower] }), 0.05);
    const verdicts = Object.fromEntries(rows.map(({ figure, verdict }) => [figure, verdict]));
    expect(verdicts["answered"]).toBe("worse");
    expect(verdicts["without a good answer"]).toBe("same");
    expect(verdicts["p99"]).toBe("same");
  });

  it("warn where they are not of the same thing, or one is invalid", () => {
    const other = exampleResult({
      model: { name: "other", version: "", platform: "" },
      validity: { valid: false, reasons: ["sent late"] },
    });
    expect(compareResults(exampleResult(), other, 0.05).warnings).toEqual([
      "the model differs: topo and other",
      "the second is INVALID: sent late",
    ]);
  });
});
