import { describe, expect, it } from "vitest";
import { aCaller, aTenant } from "../../../test/support/tenants.ts";
import type { Caller } from "../../inference/caller.ts";
import type { ModelFigures, Snapshot } from "../../inference/dashboard-report.ts";
import { SnapshotEvents } from "./snapshot-events.ts";

const caller = (models: readonly string[], index = 1): Caller =>
  aCaller(aTenant(index, { models }));

function aSnapshot(id: number) {
  let written = 0;
  const figures = (name: string) => ({ name }) as ModelFigures;
  const snapshot = {
    id,
    models: [figures("jets"), figures("taus")],
    ...{ variants: [], drift: [], workers: [], alerts: [] },
    ...{ devices: [], tenants: [], reservations: [], ready: true, authenticated: true },
    cluster: { redis: "off" as const, listAgeSeconds: 0, gateways: [] },
    get at() {
      written += 1;
      return "";
    },
  } as Partial<Snapshot> as Snapshot;
  return { snapshot, written: () => written };
}
const namesIn = (event: Buffer) => {
  const [, data = ""] = /^id: \d+\ndata: (.*)\n\n$/.exec(event.toString()) ?? [];
  return (JSON.parse(data) as Snapshot).models.map(({ name }) => name);
};

describe("the event of a snapshot", () => {
  it("is written once, however many see everything", () => {
    const events = new SnapshotEvents();
    const { snapshot, written } = aSnapshot(7);
    const shown = [undefined, caller(["*"]), caller(["jets", "*"], 2)].map((one) =>
      events.of(snapshot, one),
    );
    expect(new Set(shown).size).toBe(1);
    expect(written()).toBe(1);
    expect(shown[0] && namesIn(shown[0])).toEqual(["jets", "taus"]);
    expect(shown[0]?.toString()).toMatch(/^id: 7\n/);
  });

  it("shows each tenant its models alone, whoever is shown it as well", () => {
    const events = new SnapshotEvents();
    const { snapshot } = aSnapshot(7);
    const [jets, taus] = [caller(["jets"]), caller(["taus"], 2)];
    const shown = [undefined, jets, taus, jets, undefined].map((one) =>
      namesIn(events.of(snapshot, one)),
    );
    expect(shown).toEqual([["jets", "taus"], ["jets"], ["taus"], ["jets"], ["jets", "taus"]]);
  });

  it("is that of the snapshot at hand, not of one before", () => {
    const events = new SnapshotEvents();
    const ids = [aSnapshot(7), aSnapshot(8)].map(({ snapshot }) =>
      events.of(snapshot, undefined).toString().slice(0, 5),
    );
    expect(ids).toEqual(["id: 7", "id: 8"]);
  });
});
