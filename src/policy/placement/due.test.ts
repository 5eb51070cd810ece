import { describe, expect, it } from "vitest";
import { placement } from "./placement.ts";
import type { DemandView, DeviceView, Standing, TenantRows } from "./views.ts";

const NOW = 1_000_000;
/** One switch takes a second. */
const C = 1_000;

const aBoard = (id: string, given: Partial<DeviceView> = {}): DeviceView => ({
  ...{ id, vendor: "xilinx", platform: "u50", state: "ready", sinceMs: 0, givenMs: 0, switchMs: C },
  ...given,
});

const rowsOf = (tenant: string, rows: number): TenantRows => ({
  ...{ tenant, weight: 1, guarantee: 0.5, rows, requests: rows },
});

/** Rows of 1 ms each, of the tenants that are named. */
function aDemand(variant: string, rows: Readonly<Record<string, number>>): DemandView {
  const tenants = Object.entries(rows).map(([tenant, each]) => rowsOf(tenant, each));
  const waitingRows = tenants.reduce((sum, each) => sum + each.rows, 0);
  return {
    ...{ variant, platform: "u50", waitingRows, arrivalRowsPerS: 0, msPerRow: 1, tenants },
    oldestWaitMs: waitingRows > 0 ? 50 : 0,
  };
}

/** Has wanted boards since 50 ms, and is promised half of them. */
const aStanding = (tenant: string, given: Partial<Standing> = {}): Standing => ({
  ...{ tenant, platform: "u50", guaranteed: true, partDevices: 0.5, creditMs: 0 },
  ...{ sinceMs: NOW - 50, ...given },
});
const flooder = aStanding("atlas", { sinceMs: 0 });
const owner = aStanding("cms", { creditMs: 3 * C });

function decide(
  devices: readonly DeviceView[],
  demands: readonly DemandView[],
  standings: readonly Standing[],
) {
  return placement().decide(devices, demands, NOW, standings);
}

const flood = aDemand("A", { atlas: 100_000 });
const given = (device: string, variant = "B") => ({
  ...{ kind: "load", device, variant, evicts: "A", reason: "share", tenant: "cms" },
});

describe("a board that somebody else floods", () => {
  const lent = aBoard("b", { resident: "A" });

  it("is given back at once, whatever it still has to do, and says for whom", () => {
    expect(decide([lent], [flood, aDemand("B", { cms: 2 })], [flooder, owner])).toEqual([
      given("b"),
    ]);
  });

  it("is given back also while its dwell has just begun", () => {
    const board = { ...lent, sinceMs: NOW - 60, givenMs: NOW - 60 - C };
    expect(decide([board], [flood, aDemand("B", { cms: 2 })], [flooder, owner])).toHaveLength(1);
  });

  it("is not given back for a single request", () => {
    expect(decide([lent], [flood, aDemand("B", { cms: 1 })], [flooder, owner])).toEqual([]);
  });

  it("is kept for its turn by who was given it while the owner waited already", () => {
    const board = { ...lent, sinceMs: NOW - 2 * C + 1, givenMs: NOW - 3 * C };
    const waits = { ...owner, sinceMs: NOW - 4 * C, creditMs: 60 * C };
    const demands = [flood, aDemand("B", { cms: 2 })];
    expect(decide([board], demands, [flooder, waits])).toEqual([]);
    const dwelt = { ...board, sinceMs: NOW - 2 * C };
    expect(decide([dwelt], demands, [flooder, waits])).toHaveLength(1);
  });

  it.each([
    // Half a board of each of two: a round is 18 switches, and a turn begins a quarter of it from the mean.
    ["a turn is", 4_500, 1],
    ["less than a turn is", 4_499, 0],
  ])("is somebody else's turn where %s owed", (_, creditMs, actions) => {
    const waits = { ...owner, sinceMs: -1, creditMs };
    const demands = [flood, aDemand("B", { cms: 2 })];
    expect(decide([lent], demands, [flooder, waits])).toHaveLength(actions);
  });

  it("is nobody's turn who is promised nothing and came just now", () => {
    const guest = { ...owner, guaranteed: false };
    expect(decide([lent], [flood, aDemand("B", { cms: 2 })], [flooder, guest])).toEqual([]);
  });

  it("is no less a board of who shares it", () => {
    const shared = aDemand("A", { atlas: 100_000, cms: 100_000 });
    expect(decide([lent], [shared, aDemand("B", { cms: 2 })], [flooder, owner])).toEqual([]);
  });

  it("stays under its lease", () => {
    const leased = { ...lent, leasedTo: "atlas" };
    const demands = [{ ...flood, tenant: "atlas" }, aDemand("B", { cms: 2 })];
    expect(decide([leased], demands, [flooder, owner])).toEqual([]);
  });
});

describe("of two boards", () => {
  const boards = [aBoard("a", { resident: "A" }), aBoard("b", { resident: "A" })];
  const [atlas, cms] = [
    { ...flooder, partDevices: 1 },
    { ...owner, partDevices: 1 },
  ];

  it("one goes back, however much more is owed and wanted", () => {
    const demands = [flood, aDemand("B", { cms: 100_000 })];
    expect(decide(boards, demands, [atlas, { ...cms, creditMs: 60 * C }])).toEqual([given("a")]);
  });

  it("the one that nobody needs goes back first", () => {
    const idle = [...boards, aBoard("c", { resident: "gone" })];
    const demands = [flood, aDemand("B", { cms: 2 })];
    expect(decide(idle, demands, [atlas, cms])).toEqual([{ ...given("c"), evicts: "gone" }]);
  });

  it("each keeps the one that is its part, however much the other one's rows are worth", () => {
    const each = [aBoard("a", { resident: "A" }), aBoard("b", { resident: "B" })];
    // It would be switched, were these rows of one tenant.
    const little = { ...aDemand("B", { cms: 0 }), arrivalRowsPerS: 300 };
    expect(decide(each, [flood, little], [])).toHaveLength(1);
    expect(decide(each, [flood, little], [atlas, cms])).toEqual([]);
    const unused = { ...little, arrivalRowsPerS: 0.1 };
    expect(decide(each, [flood, unused], [atlas, cms])).toHaveLength(1);
  });

  it("another one is asked for only by work that is worth the switch there and back", () => {
    const each = [
      aBoard("a", { resident: "A" }),
      aBoard("b", { resident: "A" }),
      aBoard("c", { resident: "B" }),
    ];
    const standings = [
      { ...atlas, partDevices: 1 },
      { ...cms, partDevices: 2 },
    ];
    const wants = (rows: number) => decide(each, [flood, aDemand("B", { cms: rows })], standings);
    expect(wants(4 * C - 1)).toEqual([]);
    expect(wants(4 * C)).toEqual([given("a")]);
  });
});

describe("rows that are aged", () => {
  const board = aBoard("b", { resident: "A" });
  const aged = (ms: number): DemandView => ({
    ...aDemand("B", { cms: 1 }),
    oldestWaitMs: ms,
    nowhereMs: ms,
  });

  it("take nothing from who is owed more, unless that lasts for twice the age", () => {
    const standings = [
      { ...flooder, creditMs: 1 },
      { ...owner, creditMs: 0 },
    ];
    expect(decide([board], [flood, aged(59_999)], standings)).toEqual([]);
    const late = decide([board], [flood, aged(60_000)], standings);
    expect(late).toMatchObject([{ device: "b", variant: "B", reason: "aged", tenant: "cms" }]);
    const next = [flooder, { ...owner, creditMs: 1 }];
    expect(decide([board], [flood, aged(30_000)], next)).toHaveLength(1);
  });
});
