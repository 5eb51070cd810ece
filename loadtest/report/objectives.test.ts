import { describe, expect, it } from "vitest";
import { exampleResult } from "../../test/support/loadtest-result.ts";
import { judge, parseObjective } from "./objectives.ts";

const met = (text: string) => judge([parseObjective(text)], exampleResult())[0]?.met;

describe("an objective", () => {
  it.each([
    ["p99 <= 5 ms", true],
    ["p99 <= 1ms", false],
    ["p99.9 < 10000 us", true],
    ["mean ≤ 2 ms", true],
    ["rate >= 0.9 kHz", true],
    ["failed <= 0.1 %", false],
    ["failed <= 1 %", true],
    ["within 10 ms >= 99 %", true],
    ["within 1 ms >= 99 %", false],
    ["dead time <= 1 %", true],
    ["dead-time <= 0.1 %", false],
    ["output >= 40", true],
    ["flipped <= 0", false],
  ])("%s is met: %s", (text, expected) => {
    expect(met(text)).toBe(expected);
  });

  it("that the run has no figure for is missed, and says so", () => {
    expect(judge([parseObjective("capacity >= 1")], exampleResult())).toEqual([
      { text: "capacity >= 1", value: 0, found: "not measured in this run", met: false },
    ]);
  });

  it("is every stream's, where they share the server, or that of one", () => {
    const result = exampleResult();
    const [point] = result.points;
    if (point === undefined) throw new Error("no point");
    const slow = exampleResult().points.map((one) => ({
      ...one,
      label: "slow: 5 requests/s",
      sent: 2 * one.sent,
    }));
    const together = {
      ...result,
      points: [{ ...point, label: "quick: 5 requests/s" }, ...slow],
      fairness: 1,
    };
    const verdict = (text: string) => judge([parseObjective(text)], together)[0]?.met;
    expect(met("within 10 ms >= 99 %")).toBe(true);
    expect(verdict("within 10 ms >= 99 %")).toBe(false);
    expect(verdict("quick: within 10 ms >= 99 %")).toBe(true);
    expect(verdict("slow: within 10 ms >= 99 %")).toBe(false);
    expect(verdict("nobody: within 10 ms >= 1 %")).toBe(false);
    expect(verdict(`rate >= ${1.9 * point.answeredPerSecond}`)).toBe(true);
  });

  it("is refused where it says nothing that is measured", () => {
    for (const text of ["p99", "latency <= 5 ms", "p99 = 5", "rate >= many"]) {
      expect(() => parseObjective(text)).toThrow("expected METRIC <= VALUE");
    }
  });
});
