import { describe, expect, it } from "vitest";
import { BoardTime } from "./board-time.ts";
import { partsOf } from "./parts.ts";
import type { DemandView, DeviceView, Standing, TenantRows } from "./views.ts";

const C = 1_000;

/** Boards and what each holds. */
const holding = (...residents: string[]): DeviceView[] =>
  residents.map((resident, at) => ({
    ...{ id: `b${at}`, vendor: "xilinx", platform: "u50", resident, state: "ready" },
    ...{ sinceMs: 0, switchMs: C },
  }));

/** The tenant's own model, of the same name; it waits for a minute of a board, or for nothing. */
function demandOf(tenant: string, terms: Partial<TenantRows> = {}): DemandView {
  const each = { tenant, weight: 1, guarantee: 0, rows: 60_000, requests: 600, ...terms };
  return {
    ...{ variant: tenant, platform: "u50", arrivalRowsPerS: 0, msPerRow: 1, oldestWaitMs: 0 },
    waitingRows: each.rows,
    tenants: [each],
  };
}

function creditsOf(standings: readonly Standing[]): Record<string, number> {
  return Object.fromEntries(
    standings.map(({ tenant, creditMs }) => [tenant, Math.round(creditMs)]),
  );
}

describe("parts", () => {
  it("are guarantees, and by weight what they leave", () => {
    const parts = partsOf([
      { weight: 1, guarantee: 0.5 },
      { weight: 1, guarantee: 0 },
      { weight: 3, guarantee: 0 },
    ]);
    expect(parts.map((part) => Math.round(part * 1_000))).toEqual([600, 100, 300]);
  });

  it("are never nothing, and together one", () => {
    const [all = 0, none = 0] = partsOf([
      { weight: 1, guarantee: 1 },
      { weight: 1, guarantee: 0 },
    ]);
    expect(none).toBeGreaterThan(0);
    expect(all + none).toBeCloseTo(1);
  });
});

describe("the time of boards", () => {
  const [atlas, cms] = [demandOf("atlas"), demandOf("cms")];

  it("is nobody's business where one tenant alone wants it", () => {
    const time = new BoardTime();
    time.look(holding("atlas"), [atlas], 0);
    expect(time.look(holding("atlas"), [atlas], 60_000)).toEqual([]);
  });

  it("is owed to who waits while another one has it", () => {
    const time = new BoardTime();
    time.look(holding("atlas"), [atlas, cms], 0);
    const standings = time.look(holding("atlas"), [atlas, cms], 4_000);
    expect(creditsOf(standings)).toEqual({ atlas: -2_000, cms: 2_000 });
    expect(standings.map(({ partDevices }) => partDevices)).toEqual([0.5, 0.5]);
  });

  it("is owed to nobody while each has its part, and to nobody without end", () => {
    const time = new BoardTime();
    time.look(holding("atlas", "cms"), [atlas, cms], 0);
    const fair = time.look(holding("atlas", "cms"), [atlas, cms], 60_000);
    expect(creditsOf(fair)).toEqual({ atlas: 0, cms: 0 });
    const half = (18 * C) / 2;
    const unfair = time.look(holding("atlas", "atlas"), [atlas, cms], 600_000);
    expect(creditsOf(unfair)).toEqual({ atlas: -half, cms: half });
  });

  it("is charged by part to those who share a model", () => {
    const time = new BoardTime();
    const shared: DemandView = {
      ...atlas,
      tenants: [...(atlas.tenants ?? []), ...(demandOf("cms", { weight: 3 }).tenants ?? [])],
    };
    time.look(holding("atlas"), [shared], 0);
    expect(creditsOf(time.look(holding("atlas"), [shared], 9_000))).toEqual({ atlas: 0, cms: 0 });
  });

  it("of a guarantee is a credit before its tenant ever came, and again when it has been away", () => {
    const time = new BoardTime();
    const owner = demandOf("cms", { guarantee: 0.5 });
    time.look(holding("atlas"), [atlas], 0);
    const first = time.look(holding("atlas"), [atlas, owner], 30_000);
    expect(creditsOf(first)["cms"]).toBeGreaterThanOrEqual(3 * C);
    const had = time.look(holding("cms"), [atlas, owner], 100_000);
    expect(creditsOf(had)["cms"]).toBeLessThan(0);
    time.look(holding("atlas"), [atlas], 101_000);
    time.look(holding("atlas"), [atlas], 160_000);
    const again = time.look(holding("atlas"), [atlas, owner], 160_050);
    expect(creditsOf(again)["cms"]).toBeGreaterThanOrEqual(3 * C);
    expect(again.find(({ tenant }) => tenant === "cms")?.sinceMs).toBe(160_050);
  });

  it("is lent by who wants no more than he has", () => {
    const time = new BoardTime();
    const content = demandOf("cms", { guarantee: 0.5, rows: 0, requests: 0 });
    time.look(holding("atlas", "cms", "atlas"), [atlas, content], 0);
    const standings = time.look(holding("atlas", "cms", "atlas"), [atlas, content], 60_000);
    expect(creditsOf(standings)["atlas"]).toBe(0);
    expect(creditsOf(standings)["cms"]).toBeGreaterThanOrEqual(3 * C);
  });

  it("has no part beyond the guarantee for who wants next to nothing", () => {
    const time = new BoardTime();
    const light = demandOf("cms", { guarantee: 0.5, rows: 1, requests: 1 });
    const [, cmsStands] = time.look(holding("atlas"), [atlas, light], 0);
    expect(cmsStands?.partDevices).toBeCloseTo(0.5);
    const [, busyStands] = time.look(
      holding("atlas"),
      [atlas, demandOf("cms", { guarantee: 0.5 })],
      1,
    );
    expect(busyStands?.partDevices).toBeCloseTo(0.75);
  });

  it("on leased and failed boards is nobody's part", () => {
    const time = new BoardTime();
    const [one, two, three] = holding("atlas", "atlas", "atlas") as [
      DeviceView,
      DeviceView,
      DeviceView,
    ];
    const boards: DeviceView[] = [
      one,
      { ...two, leasedTo: "atlas" },
      { ...three, state: "failed" },
    ];
    const [first] = time.look(boards, [atlas, cms], 0);
    expect(first?.partDevices).toBe(0.5);
  });
});
