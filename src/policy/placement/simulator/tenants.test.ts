import { describe, expect, it } from "vitest";
import { placement } from "../placement.ts";
import { type SimulatedTenant, SWITCH_MS, tryTenants } from "./tenants.ts";

const LOOK_MS = 50;
const LIMIT_MS = 120_000;

/** Each always wants twice all boards but the last, who floods: ten times. */
const contest = (...guarantees: number[]): SimulatedTenant[] =>
  guarantees.map((guarantee, at) => ({ guarantee, load: at < guarantees.length - 1 ? 2 : 10 }));

const percent = (part: number) => `${(100 * part).toFixed(1)} %`;

describe("tenants with models of their own, one of whom floods ten times the boards", {
  timeout: LIMIT_MS,
}, () => {
  const slotMs = 250;
  const slots = 6_000;
  for (const boards of [1, 2, 5]) {
    for (const guarantees of [
      [0.5, 0],
      [0.5, 0.5],
      [0.9, 0.1],
      [0.3, 0.3, 0],
      [0.3, 0.3, 0.4],
    ]) {
      const tenants = contest(...guarantees);
      const trial = { boards, slotMs, slots, tenants, holder: tenants.length - 1 };
      const verdict = tryTenants(trial, placement());
      const mostSwaps = (boards * slots * slotMs) / (3 * SWITCH_MS);
      const figures = [
        `${boards} boards, guarantees ${guarantees.join(" ")}`,
        `served ${verdict.tenants.map(({ served }) => percent(served)).join(" ")}`,
        `loaded for them ${verdict.tenants.map(({ loaded }) => percent(loaded)).join(" ")}`,
        `swaps ${verdict.swaps}`,
      ];
      it(figures.join(" | "), () => {
        // Time in which boards are loaded for a tenant is the tenant's.
        for (const [at, { served, loaded }] of verdict.tenants.entries()) {
          const guarantee = guarantees[at] ?? 0;
          expect(served + loaded).toBeGreaterThanOrEqual(0.99 * guarantee);
        }
        expect(verdict.swaps).toBeLessThan(mostSwaps / 2);
      });
    }
  }

  it("swap no more than once where each has as many boards as its part", () => {
    const trial = { boards: 2, slotMs, slots, tenants: contest(0.5, 0.5), holder: 1 };
    expect(tryTenants(trial, placement()).swaps).toBe(1);
  });

  it("leave to who is promised everything what others' swaps leave, and forget nobody", () => {
    const trial = { boards: 1, slotMs, slots, tenants: contest(1, 0), holder: 1 };
    const [all, nobody] = tryTenants(trial, placement()).tenants;
    const swapping = (all?.loaded ?? 0) + (nobody?.loaded ?? 0);
    expect((all?.served ?? 0) + swapping).toBeGreaterThanOrEqual(0.99);
    expect(nobody?.finished).toBeGreaterThan(0);
  });
});

describe("a tenant who wants less than its guarantee, beside one who floods", {
  timeout: LIMIT_MS,
}, () => {
  const slotMs = 100;
  it.each([1, 2, 5])("has all its rows served with %i boards, and the flood the rest", (boards) => {
    const tenants = [
      { guarantee: 0.5, load: 0.2 },
      { guarantee: 0, load: 10 },
    ];
    const verdict = tryTenants({ boards, slotMs, slots: 3_000, tenants, holder: 1 }, placement());
    const [victim, flooder] = verdict.tenants;
    const rowsPerSlot = 0.2 * boards * 10;
    expect(victim?.waiting).toBeLessThanOrEqual((rowsPerSlot * 12 * SWITCH_MS) / slotMs);
    expect((flooder?.served ?? 0) + (flooder?.loaded ?? 0)).toBeGreaterThanOrEqual(0.24);
  });
});

describe("a board that was lent", { timeout: LIMIT_MS }, () => {
  /** Whose rows come from `start` on; meanwhile the flooder has all, and switches between two models of its own. */
  function returnMs(boards: number, guarantee: number, start: number): number | undefined {
    const tenants = [
      { guarantee, load: (slot: number) => (slot < start ? 0 : 2) },
      { guarantee: 0, load: 10 },
      { guarantee: 0, load: (slot: number) => (slot < start && slot % 400 < 200 ? 4 : 0) },
    ];
    const slots = start + 200;
    const trial = { boards, slotMs: LOOK_MS, slots, tenants, holder: 1 };
    return tryTenants(trial, placement(), start).readyMs[0];
  }

  for (const boards of [1, 2, 5]) {
    for (const guarantee of [0.1, 0.5, 0.9]) {
      it(`of ${boards} is its owner's, guaranteed ${guarantee}, after at most 100 ms, a batch or a swap that runs, and a swap`, () => {
        // Any moment of the flooder's swaps, the first ms of a loan among them.
        for (const start of [300, 405, 417, 431, 500, 623]) {
          const ms = returnMs(boards, guarantee, start);
          expect(ms).toBeLessThanOrEqual(100 + SWITCH_MS + SWITCH_MS);
        }
      });
    }
  }

  it("is the owner's without any swap before it where none runs", () => {
    for (const start of [390, 590])
      expect(returnMs(2, 0.5, start)).toBeLessThanOrEqual(100 + SWITCH_MS);
  });

  it("is lent again when its owner wants it no more", () => {
    const tenants = [
      { guarantee: 0.5, load: (slot: number) => (slot < 20 ? 1 : 0) },
      { guarantee: 0, load: 10 },
    ];
    const trial = { boards: 1, slotMs: LOOK_MS, slots: 2_000, tenants, holder: 0 };
    const [, flooder] = tryTenants(trial, placement()).tenants;
    expect((flooder?.served ?? 0) * 2_000 * LOOK_MS).toBeGreaterThan(100_000 - 8 * SWITCH_MS);
  });
});
