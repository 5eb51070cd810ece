import { describe, expect, it } from "vitest";
import { aCaller, aTenant } from "../../../test/support/tenants.ts";
import type { Alert, Snapshot } from "../../inference/dashboard-report.ts";
import { visibleTo } from "./visible.ts";

const figures = { weight: 1, guarantee: 0, sonic: false, quota: {}, used: {}, waiting: 0 };
const board = {
  ...{ backend: "xilinx-u50", vendor: "xilinx", platform: "u50", emulated: true },
  state: "ready" as const,
};
const reservation = { devices: ["b0"], leadMinutes: 0, state: "waiting", holds: [] } as const;

function aSnapshot(more: Partial<Snapshot> = {}): Snapshot {
  return {
    ...{
      id: 7,
      at: "2026-12-04T20:00:00.000Z",
      version: "1.0.0",
      authenticated: true,
      ready: true,
    },
    cluster: { redis: "off", listAgeSeconds: 0, gateways: [] },
    total: { requestsPerSecond: 1, rowsPerSecond: 1, failuresPerSecond: 0, waiting: 0 },
    ...{ models: [], variants: [], drift: [], devices: [], workers: [], tenants: [], alerts: [] },
    ...{ reservations: [], termsGeneration: 0 },
    ...more,
  };
}
const ofCms = aCaller(aTenant(1, { name: "cms", models: ["jets*"] }));
const seen = (more: Partial<Snapshot>) => visibleTo(aSnapshot(more), ofCms);

describe("models that somebody may not use", () => {
  it("are named by no device", () => {
    const { devices } = seen({
      devices: [
        { ...board, id: "b0", model: "jets/1/u50" },
        { ...board, id: "b1", model: "secret/1/u50" },
        { ...board, id: "b2", model: "secret/1, jets_fast/2" },
        { ...board, id: "b3", model: null },
        { ...board, id: "b4", model: null, leasedTo: "atlas", leasedModels: ["secret*", "jets"] },
      ],
    });
    expect(devices.map(({ model }) => model)).toEqual([
      ...["jets/1/u50", "of others", "jets_fast/2", null, null],
    ]);
    expect(devices[4]?.leasedModels).toEqual(["jets"]);
  });

  it("are named neither by other tenants nor by the calendar", () => {
    const { tenants, reservations } = seen({
      tenants: [
        { ...figures, name: "cms", models: ["jets*"] },
        { ...figures, name: "atlas", models: ["secret", "jets"] },
        { ...figures, name: "site", models: ["*"] },
      ],
      reservations: [
        { ...reservation, name: "run", tenant: "atlas", models: ["secret"], origin: "file" },
      ],
    });
    expect(tenants.map(({ models }) => models)).toEqual([["jets*"], ["jets"], ["*"]]);
    expect(reservations.map(({ models }) => models)).toEqual([[]]);
  });

  it("are named by no alert", () => {
    const told: Alert = { level: "bad", what: "b0", text: "failed: no secret.xclbin", page: "x" };
    const { alerts, devices } = seen({
      devices: [{ ...board, id: "b0", model: null, state: "failed", trouble: "no secret.xclbin" }],
      alerts: [told],
    });
    expect(alerts).toHaveLength(1);
    expect(JSON.stringify([alerts, devices])).not.toContain("secret");
  });
});

it("whoever may use every model, or is not asked, is shown everything", () => {
  const snapshot = aSnapshot({ devices: [{ ...board, id: "b0", model: "secret/1/u50" }] });
  expect(visibleTo(snapshot, undefined)).toBe(snapshot);
  expect(visibleTo(snapshot, aCaller(aTenant(1)))).toBe(snapshot);
});
