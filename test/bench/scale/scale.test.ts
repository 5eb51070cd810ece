import { describe, expect, it } from "vitest";
import { simulate } from "./simulate.ts";
import { SITE, type ScaleWorld } from "./world.ts";

/** Half of one gateway's part of the site. */
const SMALL: ScaleWorld = { ...SITE, gateways: 1, boards: 20, cores: 40, clients: 200, tenants: 6, models: 4, seconds: 20 };

describe("a simulated site", () => {
  it("gives the same figures for the same seed, and others for another one", () => {
    const timeless = ({ requests, waitMs, swaps, jain }: ReturnType<typeof simulate>) => ({ requests, waitMs, swaps, jain });
    expect(timeless(simulate(SMALL))).toEqual(timeless(simulate(SMALL)));
    expect(timeless(simulate({ ...SMALL, seed: 2 }))).not.toEqual(timeless(simulate(SMALL)));
  });

  it("answers everybody at once where there is room", () => {
    const { waitMs, boards, requests } = simulate({ ...SMALL, clients: 20 });
    expect(requests).toBeGreaterThan(300);
    expect(boards.busy).toBeLessThan(0.5);
    expect(waitMs.p50).toBeLessThan(100);
  });

  it("keeps its boards busy where there is not, equal tenants equal, and the flooder near them", () => {
    const { boards, jain, flooder } = simulate({ ...SMALL, clients: 2_000 });
    expect(boards.busy).toBeGreaterThan(0.8);
    expect(jain).toBeGreaterThan(0.98);
    expect(flooder).toBeLessThan(1.5);
  });

  it("refuses what is over the quota, which serves the others more", () => {
    const free = simulate({ ...SMALL, clients: 600 });
    const limited = simulate({ ...SMALL, clients: 600, quotaRowsPerSecond: 50_000 });
    expect(free.refused).toBe(0);
    expect(limited.refused).toBeGreaterThan(0);
    expect(limited.rowsPerS).toBeLessThanOrEqual(SMALL.tenants * 60_000);
  });
});
