import { describe, expect, it } from "vitest";
import { goalMet } from "./result.ts";
import { interleaved, ratiosOf, spread } from "./rounds.ts";

describe("interleaved rounds", () => {
  it("run the control between two runs of the subject, round after round", async () => {
    const order: string[] = [];
    const run = (name: string) => async () => order.push(name);
    await interleaved(2, run("subject"), run("control"));
    expect(order.join(" ")).toBe("subject control subject subject control subject");
  });
});

describe("ratios", () => {
  it("do not see a machine that slows down steadily", () => {
    // The subject is twice as fast as the control; the machine loses 10 % of its first speed per slice.
    const speed = (slice: number) => 1 - slice / 10;
    const { ratio, noise } = ratiosOf([
      { subject: [200 * speed(0), 200 * speed(2)], control: 100 * speed(1) },
    ]);
    expect(ratio.median).toBeCloseTo(2);
    expect(noise.median).toBeCloseTo(0.8);
  });

  it("are told by their median, so that one disturbed round changes little", () => {
    const { ratio } = ratiosOf(
      [1, 1.1, 1.2, 1.3, 9].map((value) => ({ subject: [value, value] as const, control: 1 })),
    );
    expect(ratio).toEqual({ median: 1.2, min: 1, max: 9 });
  });
});

describe("a spread", () => {
  it.each([
    { values: [3, 1, 2], median: 2 },
    { values: [4, 1, 3, 2], median: 2.5 },
  ])("of $values has the median $median", ({ values, median }) => {
    expect(spread(values).median).toBe(median);
  });

  it("of nothing is an error", () => {
    expect(() => spread([])).toThrow(RangeError);
  });
});

describe("a goal", () => {
  const result = { name: "", measures: "", value: 2, figures: {}, errors: {} };

  it.each([
    { kind: "at least" as const, value: 2, met: true },
    { kind: "at least" as const, value: 2.1, met: false },
    { kind: "at most" as const, value: 2, met: true },
    { kind: "at most" as const, value: 1.9, met: false },
  ])("of $kind $value is met by 2: $met", ({ kind, value, met }) => {
    expect(goalMet({ ...result, goal: { kind, value } })).toBe(met);
  });

  it("is missed where calls failed, whatever the value", () => {
    const goal = { kind: "at least", value: 1 } as const;
    expect(goalMet({ ...result, goal, errors: { "grpc-status 14: gone": 1 } })).toBe(false);
  });
});
