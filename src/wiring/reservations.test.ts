import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import type { DeviceReport, LeaseRequest } from "../inference/device-report.ts";
import { silent } from "../logger.ts";
import { Reservations } from "./reservations.ts";
import { openTenancyStore } from "./tenancy-store.ts";

const START = Date.parse("2026-12-04T18:00Z"); // a Friday
const MINUTE_MS = 60_000;
const shift = {
  ...{ name: "shift", tenant: "cms", devices: ["u50-*"], lead: 10 },
  ...{ from: "2026-12-04T19:00Z", to: "2026-12-04T20:00Z" },
};

/** Two boards that remember who has them, as `Boards` does: a lease ends by itself. */
class Boards {
  readonly leases = new Map<string, LeaseRequest & { readonly until: number }>();
  readonly asked: string[] = [];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  list(): DeviceReport[] {
    return ["u50-0", "u50-1"].map((id) => {
      const lease = this.leases.get(id);
      if (lease !== undefined && lease.until <= this.#clock.now()) this.leases.delete(id);
      const leasedTo = this.leases.get(id)?.to;
      return {
        ...{ id, backend: "xilinx", vendor: "xilinx", platform: "u50", state: "ready" as const },
        ...{ emulated: true, model: null, ...(leasedTo === undefined ? {} : { leasedTo }) },
      };
    });
  }

  async lease(id: string, wanted: LeaseRequest): Promise<void> {
    this.asked.push(`lease ${id} ${wanted.to} ${wanted.models.join()} ${wanted.seconds}`);
    this.leases.set(id, { ...wanted, until: this.#clock.now() + wanted.seconds * 1000 });
  }

  async release(id: string): Promise<void> {
    this.asked.push(`release ${id}`);
    this.leases.delete(id);
  }
}

let clock: VirtualClock;
let boards: Boards;

beforeEach(() => {
  clock = new VirtualClock();
  boards = new Boards(clock);
});

async function calendar(...file: object[]) {
  const store = await openTenancyStore(undefined, { log: silent });
  const reservations = new Reservations({
    ...{ store, clock, log: silent, devices: boards },
    wallMs: () => START + clock.now(),
    modelsOf: (tenant) => (tenant === "cms" ? ["cms_*"] : undefined),
    boards: () => boards.list(),
  });
  reservations.useFile(file);
  reservations.start();
  return { reservations, store };
}
const by = { who: "ops" };

describe("a reservation", () => {
  it("leases its devices in time for others to be drained, and until its end", async () => {
    const { reservations } = await calendar(shift);
    await clock.advance(50 * MINUTE_MS - 1);
    expect(boards.asked).toEqual([]);
    expect(reservations.of("u50-0")).toMatchObject({ tenant: "cms", state: "waiting" });
    await clock.advance(1000);
    expect(boards.asked).toEqual([
      "lease u50-0 cms (reservation shift) cms_* 4200",
      "lease u50-1 cms (reservation shift) cms_* 4200",
    ]);
    expect(reservations.list().reservations).toMatchObject([
      { state: "draining", holds: ["u50-0", "u50-1"], from: "2026-12-04T19:00:00.000Z" },
    ]);
    await clock.advance(10 * MINUTE_MS);
    expect(reservations.of("u50-1")).toMatchObject({ state: "running" });
    await clock.advance(60 * MINUTE_MS);
    expect(boards.leases.size).toBe(0);
    expect(boards.asked).toHaveLength(2);
    expect(reservations.list().reservations).toMatchObject([{ state: "over", holds: [] }]);
    expect(reservations.of("u50-0")).toBeUndefined();
  });

  it("waits for a device that somebody else has leased, and says so", async () => {
    boards.leases.set("u50-0", { to: "atlas", models: ["a"], seconds: 1, until: 55 * MINUTE_MS });
    const { reservations } = await calendar(shift);
    await clock.advance(52 * MINUTE_MS);
    expect(reservations.list().reservations).toMatchObject([
      { holds: ["u50-1"], trouble: "u50-0 is leased to atlas" },
    ]);
    await clock.advance(4 * MINUTE_MS);
    const [{ holds, trouble } = {}] = reservations.list().reservations;
    expect([holds?.toSorted(), trouble]).toEqual([["u50-0", "u50-1"], undefined]);
  });

  it("says so where no board is what it wants", async () => {
    const { reservations } = await calendar({ ...shift, devices: ["gpu3/*"], lead: 60 });
    expect(reservations.list().reservations).toMatchObject([
      { trouble: "no board matches its devices; boards are: u50-0, u50-1" },
    ]);
  });

  it("that is added while the gateway runs holds at once, and is undone when it is removed", async () => {
    const { reservations, store } = await calendar();
    const now = { ...shift, devices: ["u50-1"], lead: 60 };
    await reservations.add(now, by);
    expect(boards.asked).toEqual(["lease u50-1 cms (reservation shift) cms_* 7200"]);
    await reservations.add({ ...now, name: "other", devices: ["u50-0"] }, by);
    expect(boards.asked.filter((asked) => asked.includes("u50-1"))).toHaveLength(1);
    await reservations.remove("shift", by);
    expect(boards.asked.at(-1)).toBe("release u50-1");
    expect([...boards.leases.keys()]).toEqual(["u50-0"]);
    expect(await store.audit.read(9)).toMatchObject([
      { who: "ops", action: "remove reservation", reservation: { name: "shift" }, generation: 3 },
      { action: "add reservation", reservation: { name: "other" } },
      { action: "add reservation", reservation: { name: "shift" } },
    ]);
  });

  it("has a name of its own, and the operator's file is not edited", async () => {
    const { reservations } = await calendar(shift);
    await expect(reservations.add(shift, by)).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    await expect(reservations.remove("shift", by)).rejects.toThrow("stands in the operator's file");
    await expect(reservations.remove("x", by)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await reservations.add({ ...shift, name: "second" }, { who: "a", generation: 0 });
    const late = reservations.add({ ...shift, name: "third" }, { who: "b", generation: 0 });
    await expect(late).rejects.toMatchObject({ code: "ABORTED" });
  });
});

describe("a calendar that is read again", () => {
  const runs = { ...shift, lead: 60 };
  const asked = () => boards.asked.splice(0);

  it("keeps what it says as before: no device is asked for twice", async () => {
    const { reservations } = await calendar(runs, { ...runs, name: "other", devices: ["x"] });
    expect(asked()).toHaveLength(2);
    reservations.useFile([{ ...runs, name: "new", devices: ["y"] }, { ...runs }]);
    await clock.advance(5000);
    expect(asked()).toEqual([]);
    expect(reservations.list().reservations.map(({ name, origin }) => [name, origin])).toEqual([
      ["new", "file"],
      ["shift", "file"],
    ]);
  });

  it("takes and gives back devices at once", async () => {
    const { reservations } = await calendar(runs);
    asked();
    reservations.useFile([{ ...runs, name: "next", devices: ["u50-0"], tenant: "cms" }]);
    await clock.advance(2000);
    expect(asked()).toEqual([
      "release u50-0",
      "release u50-1",
      "lease u50-0 cms (reservation next) cms_* 7199",
    ]);
    reservations.useFile([]);
    expect(asked()).toEqual(["release u50-0"]);
  });

  it("leases what a changed window has for longer without giving it back in between", async () => {
    const { reservations } = await calendar(runs);
    asked();
    reservations.useFile([{ ...runs, to: "2026-12-04T21:00Z" }]);
    expect(asked()).toEqual([
      "lease u50-0 cms (reservation shift) cms_* 10800",
      "lease u50-1 cms (reservation shift) cms_* 10800",
    ]);
  });

  it("stays as it was where something is wrong in the new one", async () => {
    const { reservations } = await calendar(runs);
    asked();
    expect(() => reservations.useFile([runs, { ...runs, to: "never" }])).toThrow(
      "'to' of a reservation",
    );
    expect(() => reservations.useFile([runs, runs])).toThrow("stands twice");
    await clock.advance(5000);
    expect(asked()).toEqual([]);
    expect(reservations.list().reservations).toMatchObject([{ name: "shift", state: "draining" }]);
  });

  it("goes before one of the same name that was added", async () => {
    const { reservations } = await calendar();
    await reservations.add({ ...runs, devices: ["u50-1"] }, by);
    reservations.useFile([runs]);
    expect(reservations.list().reservations).toMatchObject([{ origin: "file", name: "shift" }]);
    reservations.useFile([]);
    expect(reservations.list().reservations).toMatchObject([{ origin: "added", name: "shift" }]);
  });
});
