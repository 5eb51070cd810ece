/** Registered models in a whole gateway: swaps, canaries, pins, retirements. */
import { describe, expect, it } from "vitest";
import { swapUnderLoad } from "../support/swaps.ts";

const LIMIT_MS = 120_000;

describe("two versions that take turns under load", { timeout: LIMIT_MS }, () => {
  it("lose no request, and neither answers once its retirement is acknowledged", async () => {
    const facts = await swapUnderLoad({ swaps: 4, clients: 32, between: 100 });
    expect(facts).toMatchObject({ failed: [], late: [], wrong: [] });
    expect(facts.fewestBetween).toBeGreaterThanOrEqual(100);
    expect(facts.pinned).toBeGreaterThan(50);
    expect(Object.keys(facts.byVersion).sort()).toEqual(["1", "2"]);
  });
});
