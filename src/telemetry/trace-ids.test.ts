import { describe, expect, it } from "vitest";
import { randomHex } from "./trace-ids.ts";

describe("random ids", () => {
  it("are as long as asked for, and none comes twice, also across refills of the pool", () => {
    const ids = Array.from({ length: 5000 }, (_, at) => randomHex(at % 2 === 0 ? 8 : 16));
    expect(new Set(ids).size).toBe(5000);
    expect(new Set(ids.map((id) => id.length))).toEqual(new Set([16, 32]));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]+$/);
    // No digit is more likely than another: sixteenths of 120 000, give or take six standard deviations.
    const zeros = ids.join("").replaceAll(/[^0]/g, "").length;
    expect(Math.abs(zeros - 120_000 / 16)).toBeLessThan(
      6 * Math.sqrt(120_000 * (1 / 16) * (15 / 16)),
    );
  });
});
