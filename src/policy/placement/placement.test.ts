import { describe, expect, it } from "vitest";
import { placement } from "./placement.ts";
import type { PlacementRules } from "./rules.ts";
import type { DemandView, DeviceView } from "./views.ts";

const NOW = 1_000_000;
/** One switch takes a second; look-ahead, dwell and ages are multiples of it. */
const rules: Partial<PlacementRules> = {
  minDwellFactor: 2,
  marginFactor: 2,
  lookaheadFactor: 8,
  idlePatienceFactor: 4,
  agedMs: 30_000,
  agedFactor: 20,
};

function aBoard(id: string, given: Partial<DeviceView> = {}): DeviceView {
  return {
    id,
    vendor: "xilinx",
    platform: "u50",
    state: "ready",
    sinceMs: 0,
    switchMs: 1_000,
    ...given,
  };
}

/** Rows of 1 ms each. */
function demandFor(variant: string, given: Partial<DemandView> = {}): DemandView {
  return {
    variant,
    platform: "u50",
    waitingRows: 0,
    oldestWaitMs: 0,
    arrivalRowsPerS: 0,
    msPerRow: 1,
    ...given,
  };
}

const waiting = (variant: string, waitingRows: number, given: Partial<DemandView> = {}) =>
  demandFor(variant, { waitingRows, oldestWaitMs: 100, ...given });

function decide(devices: readonly DeviceView[], demands: readonly DemandView[]) {
  return placement(rules).decide(devices, demands, NOW);
}
const load = (device: string, variant: string, reason: string, evicts?: string) => ({
  kind: "load",
  device,
  variant,
  reason,
  ...(evicts === undefined ? {} : { evicts }),
});

describe("a switch", () => {
  const holdsA = aBoard("b", { resident: "A" });

  it("is never caused by a single request, however many rows it has", () => {
    const demand = waiting("B", 100_000, { waitingRequests: 1, oldestWaitMs: 20_000 });
    expect(decide([holdsA], [demandFor("A"), demand])).toEqual([]);
    expect(decide([holdsA], [demandFor("A"), { ...demand, waitingRequests: 2 }])).toEqual([
      load("b", "B", "worth", "A"),
    ]);
  });

  it.each([
    ["less waits than it costs there and back", 1_999, 0, []],
    ["as much waits", 2_000, 0, [load("b", "B", "worth", "A")]],
    ["the board has as much to do", 5_000, 5_000, []],
    ["the board will have less to do than waits", 7_000, 3_000, [load("b", "B", "worth", "A")]],
  ])("is weighed: %s", (_, ofB, ofA, actions) => {
    expect(decide([holdsA], [waiting("A", ofA), waiting("B", ofB)])).toEqual(actions);
  });

  it("counts waiting rows by what they gain there", () => {
    const elsewhere = waiting("B", 5_000, { benefit: 0.3 });
    expect(decide([holdsA], [demandFor("A"), elsewhere])).toEqual([]);
    expect(decide([holdsA], [demandFor("A"), { ...elsewhere, benefit: 0.5 }])).toHaveLength(1);
  });

  it("reckons with the rows that will come for what the board holds", () => {
    const busy = demandFor("A", { arrivalRowsPerS: 700 });
    expect(decide([holdsA], [busy, waiting("B", 8_000)])).toEqual([]);
    const calm = { ...busy, arrivalRowsPerS: 500 };
    expect(decide([holdsA], [calm, waiting("B", 8_000)])).toHaveLength(1);
  });

  it("costs what the board measured, or else what is assumed", () => {
    const demands = [demandFor("A"), waiting("B", 2_500)];
    expect(decide([{ ...holdsA, switchMs: 1_300 }], demands)).toEqual([]);
    const { switchMs: _, ...unmeasured } = holdsA;
    expect(decide([unmeasured], demands)).toEqual([]);
    expect(decide([unmeasured], [demandFor("A"), waiting("B", 3_000)])).toHaveLength(1);
  });

  it("waits for the minimum dwell", () => {
    const demands = [demandFor("A"), waiting("B", 9_000)];
    expect(decide([{ ...holdsA, sinceMs: NOW - 1_999 }], demands)).toEqual([]);
    expect(decide([{ ...holdsA, sinceMs: NOW - 2_000 }], demands)).toHaveLength(1);
  });

  it("is made for little, after some time, where the board has nothing to do", () => {
    const little = waiting("B", 5, { oldestWaitMs: 4_000 });
    expect(decide([holdsA], [demandFor("A"), little])).toEqual([load("b", "B", "idle", "A")]);
    expect(decide([holdsA], [demandFor("A"), { ...little, oldestWaitMs: 3_999 }])).toEqual([]);
    expect(decide([holdsA], [waiting("A", 1), little])).toEqual([]);
  });

  it("takes the board that is missed least", () => {
    const boards = [holdsA, aBoard("c", { resident: "C" })];
    const demands = [waiting("A", 3_000), waiting("C", 300), waiting("B", 9_000)];
    expect(decide(boards, demands)).toEqual([load("c", "B", "worth", "C")]);
  });

  it("evicts first what nobody lists any more", () => {
    const boards = [holdsA, aBoard("old", { resident: "gone" })];
    expect(decide(boards, [waiting("A", 1), waiting("B", 9_000)])).toEqual([
      load("old", "B", "worth", "gone"),
    ]);
  });
});

describe("an empty board", () => {
  it("is taken at once, even for one row, before any other", () => {
    const boards = [aBoard("b", { resident: "A" }), aBoard("empty")];
    expect(decide(boards, [demandFor("A"), waiting("B", 1)])).toEqual([load("empty", "B", "free")]);
    expect(decide(boards, [demandFor("A"), waiting("B", 3_000)])).toEqual([
      load("empty", "B", "free"),
    ]);
  });

  it("stays empty while nobody needs it", () => {
    const boards = [aBoard("b", { resident: "A" }), aBoard("empty")];
    expect(decide(boards, [waiting("A", 500)])).toEqual([]);
    expect(decide(boards, [waiting("A", 9_000)])).toEqual([load("empty", "A", "free")]);
  });

  it("with a link is spared for ensembles, one with more memory for larger models", () => {
    const boards = [
      aBoard("linked", { linkGroup: "g" }),
      aBoard("large", { memoryBytes: 16e9 }),
      aBoard("small", { memoryBytes: 8e9 }),
    ];
    expect(decide(boards, [waiting("B", 1)])).toEqual([load("small", "B", "free")]);
  });

  it("is for what was made for it and fits into its memory", () => {
    const boards = [
      aBoard("other", { platform: "u250" }),
      aBoard("foreign", { vendor: "intel" }),
      aBoard("small", { memoryBytes: 4e9 }),
      aBoard("right", { memoryBytes: 8e9 }),
    ];
    const demand = waiting("B", 9_000, { vendor: "xilinx", memoryBytes: 5e9 });
    expect(decide(boards, [demand])).toEqual([load("right", "B", "free")]);
    expect(decide(boards.slice(0, 3), [demand])).toEqual([]);
  });
});

describe("rows with nowhere to run", () => {
  const busy = waiting("A", 90_000, { oldestWaitMs: 90_000 });
  const old = waiting("B", 1, { oldestWaitMs: 30_000 });

  it("get a board at an age, whatever it costs", () => {
    const board = aBoard("b", { resident: "A" });
    expect(decide([board], [busy, { ...old, oldestWaitMs: 29_999 }])).toEqual([]);
    expect(decide([board], [busy, old])).toEqual([load("b", "B", "aged", "A")]);
  });

  it("wait longer where a switch costs more", () => {
    const slow = aBoard("b", { resident: "A", switchMs: 55_000 });
    expect(decide([slow], [busy, old])).toEqual([]);
    expect(decide([slow], [busy, { ...old, oldestWaitMs: 1_100_000 }])).toHaveLength(1);
  });

  it("leave a board with work alone for the time of the look-ahead", () => {
    const fresh = (sinceMs: number) => aBoard("b", { resident: "A", sinceMs });
    expect(decide([fresh(NOW - 7_999)], [busy, old])).toEqual([]);
    expect(decide([fresh(NOW - 8_000)], [busy, old])).toHaveLength(1);
  });

  it("have the board kept for them until then", () => {
    const fresh = aBoard("b", { resident: "A", sinceMs: NOW - 3_000 });
    const idle = demandFor("A");
    const many = waiting("C", 9_000);
    expect(decide([fresh], [idle, many])).toEqual([load("b", "C", "worth", "A")]);
    const less = { ...busy, waitingRows: 10 };
    expect(decide([fresh], [less, many])).toHaveLength(1);
    expect(decide([fresh], [less, many, old])).toEqual([]);
  });

  it("take turns by how long they have had none, not by their age", () => {
    const board = aBoard("b", { resident: "A" });
    const older = waiting("C", 90_000, { oldestWaitMs: 90_000 });
    expect(decide([board], [busy, old, older])).toEqual([load("b", "C", "aged", "A")]);
    expect(decide([board], [busy, old, { ...older, nowhereMs: 20_000 }])).toEqual([
      load("b", "B", "aged", "A"),
    ]);
  });
});

describe("a long queue", () => {
  it("gets a second board that has nothing to do", () => {
    const boards = [aBoard("1", { resident: "A" }), aBoard("2", { resident: "B" })];
    expect(decide(boards, [demandFor("A"), waiting("B", 3_999)])).toEqual([]);
    expect(decide(boards, [demandFor("A"), waiting("B", 4_000)])).toEqual([
      load("1", "B", "balance", "A"),
    ]);
    expect(decide(boards, [waiting("A", 1), waiting("B", 4_000)])).toEqual([]);
  });
});

describe("boards that all have work", () => {
  it("are shared out again when the shares differ much", () => {
    const boards = ["1", "2", "3", "4"].map((id) => aBoard(id, { resident: "A" }));
    const demands = [waiting("A", 40_000), waiting("B", 30_000)];
    expect(decide([...boards, aBoard("5", { resident: "B" })], demands)).toEqual([]);
    const uneven = [waiting("A", 40_000), waiting("B", 60_000)];
    expect(decide([...boards, aBoard("5", { resident: "B" })], uneven)).toEqual([
      load("1", "B", "balance", "A"),
    ]);
  });
});

describe("what an operator says", () => {
  const demands = [demandFor("A"), waiting("B", 9_000, { oldestWaitMs: 90_000 })];

  it.each(["loading", "draining", "drained", "failed"] as const)(
    "a %s board is left alone",
    (state) => {
      expect(decide([aBoard("b", { resident: "A", state })], demands)).toEqual([]);
    },
  );

  it("a pinned variant keeps its boards", () => {
    const pinned = [demandFor("A", { pinned: true }), ...demands.slice(1)];
    expect(decide([aBoard("b", { resident: "A" })], pinned)).toEqual([]);
  });

  it("a variant keeps, and gets, its minimum", () => {
    const boards = [aBoard("1", { resident: "A" }), aBoard("2", { resident: "A" })];
    const atLeast = (minInstances: number) => [
      demandFor("A", { minInstances }),
      ...demands.slice(1),
    ];
    expect(decide(boards, atLeast(2))).toEqual([]);
    expect(decide(boards, atLeast(1))).toHaveLength(1);
    const wanted = demandFor("C", { minInstances: 1 });
    expect(decide(boards, [demandFor("A"), wanted])).toEqual([load("1", "C", "minimum", "A")]);
    expect(decide([...boards, aBoard("3")], [demandFor("A"), wanted])).toEqual([
      load("3", "C", "free"),
    ]);
  });

  it("two minimums that cannot both be kept do not take turns", () => {
    const both = [demandFor("A", { minInstances: 1 }), demandFor("B", { minInstances: 1 })];
    expect(decide([aBoard("b", { resident: "A" })], both)).toEqual([]);
  });

  it("a leased board is for its tenant alone", () => {
    const leased = aBoard("b", { resident: "A", leasedTo: "cms" });
    expect(decide([leased], demands)).toEqual([]);
    const theirs = waiting("B", 9_000, { tenant: "cms" });
    expect(decide([leased], [waiting("A", 90_000), theirs])).toEqual([
      load("b", "B", "worth", "A"),
    ]);
    expect(decide([aBoard("b", { resident: "A" })], [demandFor("A"), theirs])).toHaveLength(1);
  });
});

describe("an ensemble over several boards", () => {
  const steps = (given: Partial<DemandView> = {}) =>
    ["s1", "s2"].map((step) => waiting(step, 9_000, { group: "e", ...given }));
  const near = (id: string, given: Partial<DeviceView> = {}) =>
    aBoard(id, { linkGroup: "near", ...given });
  const far = (id: string, given: Partial<DeviceView> = {}) =>
    aBoard(id, { linkGroup: "far", ...given });

  it("begins where all its steps can run", () => {
    expect(decide([near("1"), far("2"), far("3")], steps())).toEqual([
      load("2", "s1", "free"),
      load("3", "s2", "free"),
    ]);
  });

  it("stays where it is, even if a board elsewhere is empty", () => {
    const boards = [near("1", { resident: "s1" }), near("2", { resident: "A" }), far("3")];
    expect(decide(boards, [...steps(), demandFor("A")])).toEqual([load("2", "s2", "worth", "A")]);
    expect(decide(boards, [...steps(), waiting("A", 90_000)])).toEqual([load("3", "A", "free")]);
  });

  it("treats boards without a link as groups of their own", () => {
    expect(decide([aBoard("1"), aBoard("2")], steps())).toEqual([load("1", "s1", "free")]);
  });

  it("leaves a link group in which it cannot go on, as a whole", () => {
    const boards = [
      near("1", { resident: "s1" }),
      near("2", { resident: "P" }),
      far("3"),
      far("4", { resident: "A" }),
    ];
    const pinned = demandFor("P", { pinned: true });
    const demands = [...steps({ oldestWaitMs: 60_000 }), pinned, demandFor("A")];
    expect(decide(boards, demands)).toContainEqual(load("1", "s2", "aged", "s1"));
    const s1Pinned = demands.map((each) =>
      each.variant === "s1" ? { ...each, minInstances: 1 } : each,
    );
    expect(decide(boards, s1Pinned)).toEqual([
      { kind: "unload", device: "1", variant: "s1", reason: "moving" },
      load("3", "s1", "free"),
      load("4", "s2", "aged", "A"),
    ]);
  });

  it("takes back a step that comes back elsewhere", () => {
    const boards = [
      near("1", { resident: "s1", sinceMs: NOW }),
      far("2", { resident: "s1" }),
      far("3", { resident: "s2" }),
    ];
    expect(decide(boards, steps())).toEqual([
      { kind: "unload", device: "1", variant: "s1", reason: "stranded" },
    ]);
  });
});
