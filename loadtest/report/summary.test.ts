import { describe, expect, it } from "vitest";
import { examplePoint, exampleResult } from "../../test/support/loadtest-result.ts";
import { summary } from "./summary.ts";

const text = (...changes: Parameters<typeof exampleResult>) =>
  summary(exampleResult(...changes)).replaceAll("\u202f", " ");

describe("a result as text", () => {
  it("tells scale, emulation, ceiling, figures and what to think of them", () => {
    const told = text();
    for (const part of [
      ...["scale      1 : 100", "EMULATED   u50-0", "ceiling    61 000", "p99.99 "],
      ...[
        "failed     88 × UNAVAILABLE",
        "unanswered 2, the oldest for 812 ms",
        "ROC        area 0.9471",
      ],
      ...["12 decisions flipped", "met       ", "too few answers to quote it"],
    ]) {
      expect(told).toContain(part);
    }
    expect(told).not.toContain("undefined");
  });

  it("begins with INVALID where it is", () => {
    expect(text({ validity: { valid: false, reasons: ["late"] } })).toMatch(/^INVALID: late\n/);
  });

  it("gives many loads a line each, but for the one that matters", () => {
    const points = Array.from({ length: 8 }, (_, at) => examplePoint({ label: `step ${at}` }));
    const told = text({ points, main: 3 });
    expect(told.match(/^step \d: answered/gm)).toHaveLength(7);
    expect(told.match(/^ {2}latency/gm)).toHaveLength(1);
  });
});
