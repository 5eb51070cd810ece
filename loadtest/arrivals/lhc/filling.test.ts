import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SLOT_MS, SLOTS } from "./clock.ts";
import { collisionsOf, gapsOf, trainsOf } from "./filling.ts";
import { fillingNames, namedFilling } from "./named-fillings.ts";
import { orbitOf, parsePattern } from "./pattern.ts";
import { fillingScheme, readFilling } from "./read-filling.ts";

const scheme = (name: string) => {
  const found = namedFilling(name);
  if (found === undefined) throw new Error(`no scheme ${name}`);
  return found;
};
const sorted = (counts: ReadonlyMap<number, number>) =>
  Object.fromEntries([...counts].sort(([a], [b]) => a - b));

describe("the clock", () => {
  it("has slots of 24.95 ns and orbits of 88.92 µs", () => {
    expect(SLOT_MS * 1e6).toBeCloseTo(24.95, 2);
    expect(SLOT_MS * SLOTS * 1e3).toBeCloseTo(88.92, 2);
  });
});

describe("named filling schemes", () => {
  // bunches that collide in IP1/5; trains; gaps of the colliding pattern and how often; abort gap
  it.each([
    ["nominal-2808b", 2808, 39, { 8: 27, 38: 8, 39: 3, 119: 1 }, 119],
    [
      "25ns_2760b_2748_2492_2574_288bpi_13inj_800ns_bs200ns",
      ...([2748, 39, { 7: 27, 31: 8, 63: 3, 190: 1 }, 190] as const),
    ],
    [
      "8b4e_1972b_1960_1178_1886_224bpi_12inj_800ns_bs200ns",
      ...([1960, 35, { 4: 210, 7: 24, 31: 7, 58: 1, 70: 2, 181: 1 }, 181] as const),
    ],
    [
      "25ns_2744b_2736_2246_2370_240bpi_13inj_800ns_bs200ns_BCMS_5x48b",
      ...([2736, 57, { 7: 45, 31: 11, 172: 1 }, 172] as const),
    ],
    ["single-12b", 12, 12, { 296: 12 }, 296],
    ["single-1b", 1, 1, { 3563: 1 }, 3563],
  ] as const)("%s has its bunches, trains and gaps", (name, filled, trains, gaps, abort) => {
    const found = scheme(name);
    expect(found.slots).toHaveLength(SLOTS);
    expect(found.filled).toHaveLength(filled);
    expect(trainsOf(found)).toHaveLength(trains);
    expect(sorted(gapsOf(found).counts)).toEqual(gaps);
    expect(gapsOf(found).abort).toBe(abort);
  });

  it("of the LPC collide in every experiment as often as their names tell", () => {
    // fillingOf checks and would throw: here the check itself is seen to find an error
    const beam = orbitOf("12b");
    expect(collisionsOf({ beam1: beam, beam2: beam })).toEqual({ ip15: 12, ip2: 0, ip8: 0 });
    const shifted = orbitOf("891e + 12b");
    expect(collisionsOf({ beam1: beam, beam2: shifted }).ip15).toBe(0);
    for (const name of fillingNames()) expect(namedFilling(name)?.name).toBeTypeOf("string");
  });

  it("leave the abort gap of 3 µs free", () => {
    for (const name of fillingNames().filter((one) => !one.startsWith("single"))) {
      expect(gapsOf(scheme(name)).abort * SLOT_MS * 1e3, name).toBeGreaterThan(2.95);
    }
  });

  it("nominal: the batches of an orbit are 3 3 4, three times, and 3 3 3", () => {
    const trains = trainsOf(scheme("nominal"));
    expect(trains.every(({ bunches, first, last }) => bunches === 72 && last - first === 71)).toBe(
      true,
    );
    expect(trains[0]?.first).toBe(0);
    expect(trains.at(-1)?.last).toBe(3444);
  });
});

describe("patterns", () => {
  it("repeat and nest", () => {
    expect(parsePattern("(2b1e)x2 + [1b]x1")).toEqual([1, 1, 0, 1, 1, 0, 1]);
  });

  it("count as their groups say, whatever is nested", () => {
    const bunches = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(bunches, bunches, bunches, bunches, (b, e, inner, outer) => {
        const slots = parsePattern(`{[${b}b+${e}e]x${inner}}x${outer}`);
        expect(slots).toHaveLength((b + e) * inner * outer);
        expect(slots.filter((slot) => slot === 1)).toHaveLength(b * inner * outer);
      }),
    );
  });

  it.each([
    ["72", "expected a group"],
    ["(72b", "expected ')', found its end"],
    ["72b)x3", "expected a group"],
    ["4000b", "at most 3564"],
    ["(72b)x50", "more than the 3564 slots"],
    ["72b 8q", "found '8'"],
  ])("%s is refused", (text, message) => {
    expect(() => orbitOf(text)).toThrow(message);
  });

  it("can stand in place of a name", () => {
    expect(fillingScheme("pattern:(1b+99e)x10").filled).toEqual(
      Uint16Array.from({ length: 10 }, (_, at) => 100 * at),
    );
  });
});

describe("a file of a filling scheme", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "filling-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const written = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const table = (beam: 1 | 2, buckets: readonly number[]) =>
    `HEAD ON COLLISIONS FOR B${beam}\nB${beam} bucket number,IP1,IP2,IP5,IP8\n${buckets.map((bucket) => `${bucket},${bucket},-,${bucket},-`).join("\n")}\n\n`;

  it("holds slots, as the LPC's editor writes them", () => {
    const text = JSON.stringify({
      schemeName: "mine",
      schemebeam1: [...orbitOf("3b")],
      schemebeam2: [...orbitOf("1e2b")],
    });
    const found = fillingScheme(written("a.json", text));
    expect(found.name).toBe("mine");
    expect([...found.filled]).toEqual([1, 2]);
  });

  it("holds RF buckets, ten to a slot", () => {
    const text = JSON.stringify({ beam1: [1, 11, 35631], beam2: [1, 11, 35631] });
    const found = fillingScheme(written("b.json", text));
    expect(found.name).toBe("b");
    expect([...found.filled]).toEqual([0, 1, 3563]);
  });

  it("holds the tables of the LPC's CSV, alone or in the JSON of a fill", () => {
    const csv = `INJECTION SCHEME : modern\n\n${table(1, [1, 11, 31])}${table(2, [1, 31])}`;
    expect([...fillingScheme(written("c.csv", csv)).filled]).toEqual([0, 3]);
    const fill = JSON.stringify({ fills: { 8821: { name: "of the fill", csv } } });
    const found = fillingScheme(written("d.json", fill));
    expect(found.name).toBe("of the fill");
    expect([...found.filled]).toEqual([0, 3]);
  });

  it("holds lists of filled buckets", () => {
    const csv = "Scheme name,listed\nB1 filled buckets,1,11,21\nB2 filled buckets,11,21,31\n";
    const found = fillingScheme(written("e.csv", csv));
    expect(found.name).toBe("listed");
    expect([...found.filled]).toEqual([1, 2]);
  });

  it("is refused where it differs from what its name tells", () => {
    const text = JSON.stringify({ beam1: [1, 11], beam2: [1, 11] });
    const file = written("25ns_2b_2_1_0_mine.json", text);
    expect(() => fillingScheme(file)).toThrow("its name tells 1 pairs in IP2, its pattern has 0");
  });

  it.each([
    ["{", "no JSON"],
    ['{"beam1": [1]}', "no list `beam2`"],
    ['{"beam1": [2], "beam2": [1]}', "2 is no bucket"],
    ['{"beam1": [35641], "beam2": [1]}', "35641 is no bucket"],
    ['{"fills": {}}', "has to hold one fill"],
    ["nothing of it", "neither"],
  ])("is refused where it is none: %s", (text, message) => {
    expect(() => readFilling(text, "file")).toThrow(message);
  });

  it("is refused where beams never meet, and where there is no such file", () => {
    const text = JSON.stringify({ beam1: [1], beam2: [11] });
    expect(() => fillingScheme(written("f.json", text))).toThrow("no bunches collide");
    expect(() => fillingScheme("nominl")).toThrow("known are nominal-2808b");
  });
});
