import { describe, expect, it } from "vitest";
import { leastOf, wishOf } from "./wish.ts";

const LIMIT = 1000;

/** Gateways that lease one after the other, as the script grants. @param used by round and gateway */
function rounds(live: number, count: number, used: (round: number, gateway: number) => number) {
  const shares = Array.from({ length: live }, () => LIMIT / live);
  const wishes = [...shares];
  for (let round = 0; round < count; round += 1) {
    for (let at = 0; at < live; at += 1) {
      const others = (all: readonly number[]) =>
        all.reduce((sum, each, other) => sum + (other === at ? 0 : each), 0);
      const share = shares[at] ?? 0;
      const view = { limit: LIMIT, live, share, used: used(round, at) };
      wishes[at] = wishOf({ ...view, othersWish: others(wishes) });
      shares[at] = Math.min(wishes[at] ?? 0, LIMIT - others(shares));
      expect(shares.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(LIMIT + 1e-6);
    }
  }
  return shares;
}

describe("gateways that share a limit", () => {
  it("give it to the one whose clients need it, but for what the others' first requests need", () => {
    const [busy = 0, idle = 0] = rounds(2, 5, (_, gateway) => (gateway === 0 ? 1 : 0));
    expect(idle).toBeCloseTo(leastOf(LIMIT, 2), 6);
    expect(busy).toBeCloseTo(LIMIT - idle, 6);
  });

  it("have all of it while there is one", () => {
    expect(rounds(1, 3, () => 0)).toEqual([LIMIT]);
  });

  it("share it equally when all need it, whoever had it before", () => {
    const shares = rounds(3, 14, (round, gateway) => (round < 6 && gateway > 0 ? 0 : 1));
    for (const share of shares) expect(share).toBeCloseTo(LIMIT / 3, 0);
  });

  it("move it within half a second, at ten leases a second", () => {
    const [first = 0, second = 0] = rounds(2, 10, (round, gateway) =>
      (round < 5 ? gateway === 0 : gateway === 1) ? 1 : 0,
    );
    expect(second).toBeGreaterThan(0.8 * LIMIT);
    expect(first).toBeLessThan(0.2 * LIMIT);
  });
});
