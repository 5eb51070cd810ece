import { describe, expect, it } from "vitest";
import { arrivalsSchema } from "../../scenario/arrivals-schema.ts";
import { kolmogorovSmirnov } from "../../statistics/kolmogorov-smirnov.ts";
import type { Intended } from "../../types.ts";
import { makeArrivals } from "../arrivals.ts";
import { SLOT_MS, SLOTS } from "./clock.ts";
import { fillingNames, namedFilling } from "./named-fillings.ts";

const made = (spec: object, seed = 1) =>
  makeArrivals(arrivalsSchema.parse({ kind: "lhc", ...spec }), seed);
const until = (arrivals: Iterable<Intended>, past: (intended: Intended) => boolean) => {
  const taken: Intended[] = [];
  for (const intended of arrivals) {
    if (past(intended)) break;
    taken.push(intended);
  }
  return taken;
};
const first = (count: number, arrivals: Iterable<Intended>) => {
  let left = count;
  return until(arrivals, () => left-- === 0);
};

describe("every crossing", () => {
  it.each(fillingNames())("is exactly the pattern, orbit after orbit: %s", (name) => {
    const scheme = namedFilling(name);
    const arrivals = made({ filling: name, mode: { kind: "sample", oneIn: 1 } });
    const orbits = until(arrivals, ({ bx = 0 }) => bx >= 3 * SLOTS);
    const filled = [...(scheme?.filled ?? [])];
    const expected = [0, 1, 2].flatMap((orbit) => filled.map((slot) => orbit * SLOTS + slot));
    expect(orbits.map(({ bx }) => bx)).toEqual(expected);
    expect(orbits.every(({ atMs, bx = 0 }) => atMs === bx * SLOT_MS)).toBe(true);
  });
});

describe("sampling", () => {
  const arrivals = made({ mode: { kind: "sample", oneIn: 1000 } });

  it("keeps one in so many, at the true times", () => {
    const taken = first(30_000, arrivals);
    const { atMs = 0, bx = 0 } = taken.at(-1) ?? {};
    // 31.58 MHz / 1000
    expect(30_000 / atMs).toBeCloseTo(31.58, -0.5);
    expect(atMs).toBe(bx * SLOT_MS);
  });

  it("leaves crossings out at random: gaps counted in bunches are geometric", () => {
    const { filled } = namedFilling("nominal") ?? { filled: new Uint16Array() };
    const position = new Map([...filled].map((slot, at) => [slot, at]));
    const numbers = first(20_001, arrivals).map(
      ({ bx = 0 }) => Math.floor(bx / SLOTS) * filled.length + (position.get(bx % SLOTS) as number),
    );
    const gaps = Float64Array.from(numbers.slice(1), (n, at) => n - (numbers[at] as number));
    const { probability } = kolmogorovSmirnov(gaps, (gap) => 1 - 0.999 ** gap);
    expect(probability).toBeGreaterThan(0.01);
  });

  it("keeps every BCID of the pattern, as often as the others", () => {
    const counts = new Uint32Array(SLOTS);
    const dense = made({ mode: { kind: "sample", oneIn: 3 } });
    for (const { bx = 0 } of first(300_000, dense)) {
      counts[bx % SLOTS] = (counts[bx % SLOTS] as number) + 1;
    }
    const { slots } = namedFilling("nominal") ?? { slots: [] };
    let chi2 = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (slots[slot] === 0) expect(counts[slot]).toBe(0);
      else chi2 += ((counts[slot] as number) - 300_000 / 2808) ** 2 / (300_000 / 2808);
    }
    // 2807 degrees of freedom: mean 2807, sigma 75 (a third less: one in three is drawn)
    expect(chi2).toBeLessThan(2807 + 300);
  });

  it("of what an earlier level accepted gives both factors", () => {
    const l1 = made({ mode: { kind: "sample", oneIn: 100 }, acceptedHz: 100_000 });
    const { atMs = 0 } = first(5000, l1).at(-1) ?? {};
    expect(5000 / atMs).toBeCloseTo(1, 1);
    expect(l1.scale).toBe(
      "1 in 100 events is sent, at random; times are the LHC's; 1 kHz of events asked",
    );
    expect(l1.lhc).toMatchObject({ oneIn: 100, dilation: 1 });
  });
});

describe("pile-up", () => {
  it("of few collisions leaves crossings empty", () => {
    const arrivals = made({ mode: { kind: "sample", oneIn: 1 }, pileUp: 0.5 });
    const orbits = until(arrivals, ({ bx = 0 }) => bx >= 100 * SLOTS);
    expect(orbits.length / (100 * 2808)).toBeCloseTo(1 - Math.exp(-0.5), 2);
  });

  it("limits what can have been accepted", () => {
    const spec = { mode: { kind: "sample", oneIn: 1 }, pileUp: 0.001, acceptedHz: 1e6 };
    expect(() => made(spec)).toThrow("more than the 31562 events a second");
  });
});

describe("dilation", () => {
  it("multiplies every time, and no crossing", () => {
    const spec = { filling: "single-12b" };
    const plain = first(30, made({ ...spec, mode: { kind: "sample", oneIn: 1 } }));
    const dilated = made({ ...spec, mode: { kind: "dilate", by: 1000 } });
    const slow = first(30, dilated);
    expect(slow.map(({ bx }) => bx)).toEqual(plain.map(({ bx }) => bx));
    expect(slow[29]?.atMs).toBeCloseTo((plain[29]?.atMs ?? 0) * 1000, 9);
    expect(dilated.lhc?.slotMs).toBeCloseTo(0.02495, 5);
    expect(dilated.scale).toContain("1000 times as long (slots of 24.95 µs)");
  });
});

describe("packing", () => {
  it("by orbit: a request holds the orbit's events and is due when it is over", () => {
    const arrivals = made({ mode: { kind: "packed", as: "orbit" } });
    const [one, two] = first(2, arrivals);
    expect(one).toEqual({ atMs: SLOTS * SLOT_MS, bx: 0, events: 2808 });
    expect(two).toEqual({ atMs: 2 * SLOTS * SLOT_MS, bx: SLOTS, events: 2808 });
    const { filled } = namedFilling("nominal") ?? { filled: [] };
    expect([...(arrivals.lhc?.crossings(two as Intended) ?? [])]).toEqual(
      [...filled].map((slot) => SLOTS + slot),
    );
  });

  it("by train: 39 requests of 72 in an orbit", () => {
    const arrivals = made({ mode: { kind: "packed", as: "train" } });
    const orbit = until(arrivals, ({ bx = 0 }) => bx >= SLOTS);
    expect(orbit).toHaveLength(39);
    expect(orbit.every(({ events }) => events === 72)).toBe(true);
    expect(orbit[1]).toEqual({ atMs: 152 * SLOT_MS, bx: 80, events: 72 });
    expect([...(arrivals.lhc?.crossings(orbit[1] as Intended) ?? [])].at(-1)).toBe(151);
  });

  it("by slice: no event is lost or doubled, whatever the length", () => {
    for (const sliceBx of [1, 100, 891, 3563]) {
      const arrivals = made({ mode: { kind: "packed", as: "slice", sliceBx } });
      const taken = until(arrivals, ({ bx = 0 }) => bx >= 20 * SLOTS);
      const all = taken.flatMap((intended) => [...(arrivals.lhc?.crossings(intended) ?? [])]);
      const within = all.filter((bx) => bx < 20 * SLOTS);
      expect(within).toHaveLength(20 * 2808);
      expect(new Set(within).size).toBe(within.length);
      expect(taken.reduce((sum, { events }) => sum + events, 0)).toBe(all.length);
    }
  });

  it("of accepted events: requests of different sizes, whose crossings can be asked again", () => {
    const spec = { mode: { kind: "packed", as: "orbit", oneIn: 2 }, acceptedHz: 1e6 };
    const arrivals = made(spec);
    const taken = first(2000, arrivals);
    const mean = taken.reduce((sum, { events }) => sum + events, 0) / taken.length;
    expect(mean).toBeCloseTo(1e6 / 11_245.5, -0.7);
    const one = taken[500] as Intended;
    const crossings = arrivals.lhc?.crossings(one) ?? new Float64Array();
    expect(crossings).toHaveLength(one.events);
    expect(crossings[0]).toBe(one.bx);
    expect(crossings).toEqual(made(spec).lhc?.crossings(one));
    // one in two orbits
    expect((one.bx ?? 0) / SLOTS / 500).toBeCloseTo(2, 0);
  });
});

describe("release by orbit", () => {
  it("makes all requests of an orbit due at its end", () => {
    const spec = { mode: { kind: "sample", oneIn: 200 }, release: "orbit" };
    for (const { atMs, bx = 0 } of first(500, made(spec))) {
      expect(atMs).toBe((Math.floor(bx / SLOTS) + 1) * SLOTS * SLOT_MS);
    }
  });
});
