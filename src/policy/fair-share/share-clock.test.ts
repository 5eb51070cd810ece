import { describe, expect, it } from "vitest";
import { aTenant } from "../../../test/support/tenants.ts";
import type { Tenant } from "../../inference/caller.ts";
import { CREDIT_US, LEAD_US, ShareClock, type Sharer } from "./share-clock.ts";

const BATCH_US = 1_000;

/** Everybody always waits; the smallest tag is served. @returns device µs by tenant */
function served(tenants: readonly Tenant[], batches: number): number[] {
  const clock = new ShareClock();
  const sharers = tenants.map((tenant) => clock.enter(tenant));
  const us = tenants.map(() => 0);
  for (let batch = 0; batch < batches; batch += 1) {
    const next = least(sharers);
    clock.charge(next, BATCH_US);
    us[sharers.indexOf(next)] = (us[sharers.indexOf(next)] ?? 0) + BATCH_US;
  }
  return us;
}
const least = (sharers: readonly Sharer[]) => sharers.reduce((a, b) => (b.tag < a.tag ? b : a));
const total = (us: readonly number[]) => us.reduce((sum, each) => sum + each, 0);

describe("tenants that always wait", () => {
  it("get device time by their weights", () => {
    const [a = 0, b = 0, c = 0] = served(
      [aTenant(0, { weight: 2 }), aTenant(1), aTenant(2)],
      4_000,
    );
    expect([a / 4_000, b / 4_000, c / 4_000].map((us) => Math.round(us))).toEqual([500, 250, 250]);
  });

  it("get their guarantees first, and divide the rest by weight", () => {
    const us = served(
      [aTenant(0, { guarantee: 0.5 }), aTenant(1), aTenant(2, { weight: 3 })],
      8_000,
    );
    const shares = us.map((each) => Math.round((1000 * each) / total(us)));
    // Of the half that is left, a fifth, a fifth and three fifths.
    expect(shares).toEqual([600, 100, 300]);
  });

  it("are not starved by guarantees that take everything", () => {
    const us = served([aTenant(0, { guarantee: 1 }), aTenant(1)], 10_000);
    expect((us[1] ?? 0) / total(us)).toBeGreaterThan(0.002);
  });

  it("that are equal are served equally, whatever their number", () => {
    const us = served(
      Array.from({ length: 100 }, (_, index) => aTenant(index)),
      10_000,
    );
    expect(Math.max(...us) - Math.min(...us)).toBeLessThanOrEqual(BATCH_US);
  });
});

describe("a tenant that was away", () => {
  it("comes back with a bounded credit", () => {
    const clock = new ShareClock();
    const flooder = clock.enter(aTenant(0));
    for (let batch = 0; batch < 10_000; batch += 1) clock.charge(flooder, BATCH_US);
    const back = clock.enter(aTenant(1));
    expect(clock.time - back.tag).toBe(CREDIT_US);
    let inRow = 0;
    for (; least([flooder, back]) === back; inRow += 1) clock.charge(back, BATCH_US);
    expect(inRow * BATCH_US).toBeLessThanOrEqual(CREDIT_US);
  });

  it("keeps its part between two requests, until its credit is long full", () => {
    const clock = new ShareClock();
    const often = clock.enter(aTenant(0));
    const rarely = clock.enter(aTenant(1));
    clock.leave(rarely);
    clock.charge(rarely, BATCH_US);
    const charge = (us: number) => {
      for (let given = 0; given < us / 2; given += BATCH_US) clock.charge(often, BATCH_US);
    };
    charge(2 * CREDIT_US);
    expect(clock.partOf(often)).toBe(0.5);
    charge(4 * BATCH_US);
    expect(clock.partOf(often)).toBe(1);
  });

  it("is forgotten once its credit is long full", () => {
    const clock = new ShareClock();
    const flooder = clock.enter(aTenant(0));
    for (let index = 1; index < 1_000; index += 1) {
      const sharer = clock.enter(aTenant(index));
      clock.leave(sharer);
      clock.charge(sharer, 1);
      clock.charge(flooder, BATCH_US);
    }
    expect(clock.busy).toBeLessThan(210);
  });
});

describe("a tenant that was given time nobody else could use", () => {
  it("is held to be ahead by a bounded lead", () => {
    const clock = new ShareClock();
    const waits = clock.enter(aTenant(0));
    const runs = clock.enter(aTenant(1));
    for (let batch = 0; batch < 10_000; batch += 1) clock.charge(runs, BATCH_US);
    expect(runs.tag - waits.tag).toBeLessThanOrEqual(LEAD_US + 2 * BATCH_US);
  });
});

describe("a prediction that was wrong", () => {
  it("is made good, whichever way", () => {
    const clock = new ShareClock();
    const sharer = clock.enter(aTenant(0));
    clock.charge(sharer, 3_000);
    clock.correct(sharer, -2_000);
    clock.charge(sharer, 3_000);
    expect(sharer.tag).toBe(4_000);
    clock.correct(sharer, 500);
    expect(sharer.tag).toBe(4_500);
  });
});

it("counts an edited tenant with its new weight", () => {
  const clock = new ShareClock();
  const other = clock.enter(aTenant(1));
  clock.leave(clock.enter(aTenant(0)));
  clock.charge(other, BATCH_US);
  clock.charge(other, BATCH_US);
  clock.enter(aTenant(0, { weight: 3 }));
  expect(clock.partOf(other)).toBe(0.25);
});
