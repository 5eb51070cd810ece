import { describe, expect, it, vi } from "vitest";
import { BackendError, type Device } from "../../backends/contract.ts";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aRequest } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { silent } from "../logger.ts";
import { BoardTime } from "../policy/placement/board-time.ts";
import { placement } from "../policy/placement/placement.ts";
import type { TenantRows } from "../policy/placement/views.ts";
import { Boards, type BoardVariant, type Demand } from "./boards.ts";
import { DEFAULT_BREAKER } from "./breaker.ts";
import { Pool } from "./pool.ts";

const SWITCH_MS = 500;
const never = new AbortController().signal;

function board(id: string, more: Partial<Device> = {}): Device {
  return { id, vendor: "xilinx", platform: "u50", reconfigurable: true, ...more };
}

function aCluster(devices: readonly Device[], ensemble: readonly string[] = []) {
  const clock = new VirtualClock();
  const told: unknown[] = [];
  const boards = new Boards({
    placement: placement({ assumedSwitchMs: SWITCH_MS }),
    boardTime: new BoardTime({ assumedSwitchMs: SWITCH_MS }),
    breaker: DEFAULT_BREAKER,
    clock,
    log: { ...silent, info: (_, fields) => told.push(fields) },
    linkGroups: new Map([["d", "configured"]]),
    groupOf: (model) => (ensemble.includes(model) ? "ensemble" : undefined),
  });
  boards.add(devices, "xilinx-u50");
  const loads: string[] = [];
  const refuse = new Set<string>();
  const variant = (id: string, more: Partial<BoardVariant> = {}) => {
    const waiting = { rows: 0, oldestMs: 0, arrived: 0, tenants: [] as TenantRows[] };
    const pool = new Pool([], clock.now);
    const instances: FakeInstance[] = [];
    const entrant: BoardVariant = {
      id,
      model: id,
      backend: "xilinx-u50",
      vendor: "xilinx",
      platform: "u50",
      minInstances: 0,
      pinned: false,
      pool,
      load: async (device) => {
        loads.push(`${id} on ${device.id}`);
        await new Promise<void>((resolve) => clock.after(SWITCH_MS, resolve));
        if (refuse.has(id)) throw new BackendError("artifact", "refused image");
        const instance = new FakeInstance(`${id}@${device.id}`);
        instances.push(instance);
        return instance;
      },
      demand: (): Demand => ({
        waitingRows: waiting.rows,
        waitingRequests: waiting.rows,
        oldestWaitMs: waiting.oldestMs,
        arrivedRows: waiting.arrived,
        msPerRow: 1,
        benefit: 1,
        tenants: waiting.tenants,
      }),
      ...more,
    };
    return { entrant, pool, instances, waiting };
  };
  const states = () =>
    boards.reports.map(({ device, state, holds }) => `${device.id} ${state} ${holds ?? "-"}`);
  return { boards, clock, variant, loads, refuse, states, told };
}

async function entered(
  { boards, clock }: ReturnType<typeof aCluster>,
  { entrant }: { entrant: BoardVariant },
) {
  const entering = boards.enter(entrant, never);
  entering.catch(() => {});
  await clock.advance(SWITCH_MS);
  await entering;
}

describe("boards", () => {
  it("are given to a variant at once while they are empty, each to one", async () => {
    const cluster = aCluster([board("a"), board("b")]);
    const [first, second] = [cluster.variant("first"), cluster.variant("second")];
    await entered(cluster, first);
    await entered(cluster, second);
    expect(cluster.states()).toEqual(["a ready first", "b ready second"]);
    expect([first.pool.lanes.length, second.pool.lanes.length]).toEqual([1, 1]);
    expect(cluster.boards.reports[0]).toMatchObject({ switches: 1, switchMs: SWITCH_MS });
  });

  it("are in the link group that they tell, or that the configuration names", () => {
    const { boards } = aCluster([board("c", { linkGroup: "own" }), board("d"), board("e")]);
    const groups = boards.reports.map(({ device }) => device.linkGroup);
    expect(groups).toEqual(["own", "configured", undefined]);
  });

  it("take no variant of another vendor, platform or backend, nor one that is too large", async () => {
    const { boards, variant } = aCluster([board("a", { memoryBytes: 100 })]);
    const fits = (more: Partial<BoardVariant>) =>
      boards.readyInMs(variant("x", more).entrant) !== undefined;
    expect(fits({})).toBe(true);
    expect(fits({ memoryBytes: 100 })).toBe(true);
    for (const more of [
      { vendor: "intel" },
      { platform: "u280" },
      { backend: "intel-fpga" },
      { memoryBytes: 101 },
    ]) {
      expect(fits(more)).toBe(false);
    }
  });

  it("are switched for what waits, after what runs on them is done with", async () => {
    const cluster = aCluster([board("a")]);
    const { clock, states } = cluster;
    const [old, fresh] = [cluster.variant("old"), cluster.variant("new")];
    await entered(cluster, old);
    await entered(cluster, fresh);
    expect(states()).toEqual(["a ready old"]);
    await clock.advance(10_000);
    const lane = old.pool.idleLane();
    const running = lane?.execute([aRequest()]);
    fresh.waiting.rows = 5_000;
    fresh.waiting.oldestMs = 4_000;
    await clock.advance(100);
    expect(states()).toEqual(["a loading old"]);
    expect([old.pool.available, old.instances[0]?.closed]).toEqual([false, false]);
    old.instances[0]?.runs[0]?.finish();
    (await running)?.release();
    await clock.advance(1);
    expect(old.instances[0]?.closed).toBe(true);
    await clock.advance(SWITCH_MS);
    expect(states()).toEqual(["a ready new"]);
    expect([old.pool.lanes.length, fresh.pool.available]).toEqual([0, true]);
  });

  it("hold a model that is the only step of an ensemble on boards, on as many as it got", async () => {
    const cluster = aCluster([board("a"), board("b")], ["step"]);
    cluster.boards.add([board("c", { vendor: "intel" })], "intel-fpga");
    const [here, there] = [
      cluster.variant("step/1/u50", { model: "step" }),
      cluster.variant("step/1/intel", { model: "step", vendor: "intel", backend: "intel-fpga" }),
    ];
    await entered(cluster, here);
    await entered(cluster, there);
    await cluster.clock.advance(20_000);
    expect(cluster.states()).toEqual(["a ready step/1/u50", "b ready -", "c ready step/1/intel"]);
  });

  it("hold two steps of an ensemble in one link group only", async () => {
    const linked = [board("a"), board("b", { linkGroup: "l" }), board("c", { linkGroup: "l" })];
    const cluster = aCluster(linked, ["one", "two"]);
    const [one, two] = [cluster.variant("one"), cluster.variant("two")];
    await entered(cluster, one);
    await entered(cluster, two);
    for (const step of [one, two]) {
      step.waiting.rows = 5_000;
      step.waiting.oldestMs = 40_000;
    }
    await cluster.clock.advance(5_000);
    const groupOf = { a: "a", b: "l", c: "l" } as Readonly<Record<string, string>>;
    for (let second = 5; second < 120; second += 1) {
      await cluster.clock.advance(1_000);
      const held = cluster.states().filter((state) => !state.endsWith("-"));
      expect(new Set(held.map((state) => groupOf[state.slice(0, 1)])).size).toBe(1);
    }
    expect(cluster.loads.slice(2).some((load) => load.startsWith("two"))).toBe(true);
  });

  it("go back to the tenant whose part was lent, within 100 ms and a switch, and say for whom", async () => {
    const cluster = aCluster([board("a")]);
    const [flood, own] = [cluster.variant("flood"), cluster.variant("own")];
    const waits = (of: typeof own, tenant: string, guarantee: number, rows: number) => {
      of.waiting.rows = rows;
      of.waiting.tenants = [{ tenant, weight: 1, guarantee, rows, requests: rows }];
    };
    await entered(cluster, flood);
    await entered(cluster, own);
    waits(flood, "atlas", 0, 100_000);
    await cluster.clock.advance(10_000);
    expect(cluster.states()).toEqual(["a ready flood"]);
    waits(own, "cms", 0.5, 2);
    await cluster.clock.advance(100);
    expect(cluster.told.at(-1)).toMatchObject({
      ...{ device: "a", variant: "own", evicts: "flood", reason: "share", tenant: "cms" },
    });
    await cluster.clock.advance(SWITCH_MS);
    expect(cluster.states()).toEqual(["a ready own"]);
    waits(own, "cms", 0.5, 0);
    await cluster.clock.advance(20_000);
    expect(cluster.states()).toEqual(["a ready flood"]);
  });

  it("are not switched for one request", async () => {
    const cluster = aCluster([board("a")]);
    const [old, fresh] = [cluster.variant("old"), cluster.variant("new")];
    await entered(cluster, old);
    await entered(cluster, fresh);
    fresh.waiting.rows = 1;
    fresh.waiting.oldestMs = 5_000;
    await cluster.clock.advance(10_000);
    expect(cluster.states()).toEqual(["a ready old"]);
  });

  it("that refuse an image are tried again ever later, and stay empty for others", async () => {
    const cluster = aCluster([board("a")]);
    const bad = cluster.variant("bad");
    cluster.refuse.add("bad");
    await expect(entered(cluster, bad)).rejects.toThrow("refused image");
    expect(cluster.boards.reports[0]).toMatchObject({
      state: "ready",
      holds: undefined,
      trouble: "refused image",
    });
    expect(cluster.loads).toEqual(["bad on a"]);
    const good = cluster.variant("good");
    await entered(cluster, good);
    expect(cluster.states()).toEqual(["a ready good"]);
  });

  it("say when a variant will probably be on one of them", async () => {
    const cluster = aCluster([board("a")]);
    const { boards, clock } = cluster;
    const [here, waits, other] = [
      cluster.variant("here"),
      cluster.variant("waits"),
      cluster.variant("other", { platform: "u280" }),
    ];
    void boards.enter(here.entrant, never);
    await clock.advance(100);
    expect(boards.readyInMs(here.entrant)).toBeGreaterThan(0);
    expect(boards.readyInMs(waits.entrant)).toBeGreaterThan(boards.readyInMs(here.entrant) ?? 0);
    expect(boards.readyInMs(other.entrant)).toBeUndefined();
  });

  it("leave service when an operator drains them, and come back", async () => {
    const cluster = aCluster([board("a")]);
    const { boards, clock, states } = cluster;
    const model = cluster.variant("model");
    await entered(cluster, model);
    const running = model.pool.idleLane()?.execute([aRequest()]);
    const draining = boards.drain("a");
    await clock.advance(0);
    expect(states()).toEqual(["a draining model"]);
    model.instances[0]?.runs[0]?.finish();
    (await running)?.release();
    await draining;
    expect(states()).toEqual(["a drained -"]);
    expect(boards.readyInMs(model.entrant)).toBeUndefined();
    model.waiting.rows = 5_000;
    await clock.advance(1_000);
    expect(states()).toEqual(["a drained -"]);
    expect(boards.undrain("a")).toBe(true);
    await clock.advance(1_000);
    expect(states()).toEqual(["a ready model"]);
    expect([await boards.drain("none"), boards.undrain("none")]).toEqual([false, false]);
  });

  it("that are drained while they are loaded are drained when that is done", async () => {
    const cluster = aCluster([board("a")]);
    const model = cluster.variant("model");
    const entering = cluster.boards.enter(model.entrant, never);
    await cluster.clock.advance(100);
    const draining = cluster.boards.drain("a");
    await cluster.clock.advance(SWITCH_MS);
    await entering;
    expect(await draining).toBe(true);
    expect(cluster.states()).toEqual(["a drained -"]);
    expect(model.instances[0]?.closed).toBe(true);
  });

  it("that are leased hold models of the lease only, until it ends", async () => {
    const cluster = aCluster([board("a"), board("b")]);
    const { boards, clock, states } = cluster;
    const [atlas, cms] = [cluster.variant("atlas_jets"), cluster.variant("cms_jets")];
    await entered(cluster, atlas);
    const lease = { to: "cms", models: ["cms_*"], untilMs: clock.now() + 60_000 };
    expect(await boards.lease("a", lease)).toBeUndefined();
    expect(await boards.lease("a", { ...lease, to: "lhcb" })).toBe("cms");
    expect(states()).toEqual(["a ready -", "b ready -"]);
    atlas.waiting.rows = 5_000;
    atlas.waiting.oldestMs = 1_000;
    await clock.advance(5_000);
    expect(states()).toEqual(["a ready -", "b ready atlas_jets"]);
    await entered(cluster, cms);
    await clock.advance(5_000);
    expect(states()).toEqual(["a ready cms_jets", "b ready atlas_jets"]);
    expect(boards.reports[0]?.lease).toMatchObject({ to: "cms" });
    await clock.advance(60_000);
    expect(boards.reports[0]?.lease).toBeUndefined();
    await expect(boards.lease("none", lease)).rejects.toThrow("no device none");
    expect([await boards.lease("b", lease), boards.release("b"), boards.release("none")]).toEqual([
      undefined,
      true,
      false,
    ]);
  });

  it("that are being programmed are nobody else's when their model leaves meanwhile", async () => {
    const cluster = aCluster([board("a")]);
    const [gone, next] = [cluster.variant("gone"), cluster.variant("next")];
    const entering = cluster.boards.enter(gone.entrant, never).catch((cause: Error) => cause);
    await cluster.clock.advance(100);
    const leaving = cluster.boards.leave(gone.entrant);
    await cluster.boards.enter(next.entrant, never);
    next.waiting.rows = 1;
    await cluster.clock.advance(SWITCH_MS - 100);
    await leaving;
    expect(await entering).toMatchObject({ message: "the model is being unloaded" });
    expect(gone.instances[0]?.closed).toBe(true);
    await cluster.clock.advance(2 * SWITCH_MS);
    expect(cluster.states()).toEqual(["a ready next"]);
    expect(cluster.loads).toEqual(["gone on a", "next on a"]);
  });

  it("that are leased while they are programmed do not keep what others put there", async () => {
    const cluster = aCluster([board("a")]);
    const atlas = cluster.variant("atlas_jets");
    const entering = cluster.boards.enter(atlas.entrant, never).catch((cause: Error) => cause);
    await cluster.clock.advance(100);
    const leasing = cluster.boards.lease("a", { to: "cms", models: ["cms_*"], untilMs: 60_000 });
    await cluster.clock.advance(SWITCH_MS);
    expect(await leasing).toBeUndefined();
    expect(await entering).toMatchObject({ message: "the device was leased" });
    expect(cluster.states()).toEqual(["a ready -"]);
  });

  it("are free again when their model leaves", async () => {
    const cluster = aCluster([board("a")]);
    const model = cluster.variant("model");
    await entered(cluster, model);
    await model.pool.close();
    await cluster.boards.leave(model.entrant);
    expect(cluster.states()).toEqual(["a ready -"]);
  });

  it("get no batches while their breaker is open", async () => {
    vi.useFakeTimers();
    try {
      const cluster = aCluster([board("a")]);
      const model = cluster.variant("model");
      await entered(cluster, model);
      const changed = vi.fn();
      model.pool.onChange = changed;
      for (let at = 0; at < 2; at += 1) {
        const run = model.pool.idleLane()?.execute([aRequest()]);
        model.instances[0]?.runs[0]?.fail(new BackendError("device", "wedged"));
        await expect(run).rejects.toThrow("wedged");
      }
      expect([model.pool.available, model.pool.allowed]).toEqual([false, false]);
      expect(cluster.boards.reports[0]?.breaker).toBe("open");
      expect(changed).toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(DEFAULT_BREAKER.probeAfterMs);
      expect([model.pool.available, cluster.boards.reports[0]?.breaker]).toEqual([true, "closed"]);
    } finally {
      vi.useRealTimers();
    }
  });
});
