import { describe, expect, it } from "vitest";
import { BackendError, type Device } from "../../backends/contract.ts";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aRequest } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { silent } from "../logger.ts";
import { DEFAULT_BREAKER } from "./breaker.ts";
import { DeviceLanes } from "./device-lanes.ts";
import { DeviceLeases } from "./device-leases.ts";
import { Pool } from "./pool.ts";

const never = new AbortController().signal;

function onServers(refusals: Record<string, BackendError>) {
  const clock = new VirtualClock();
  const pool = new Pool([], clock.now);
  const loads: string[] = [];
  const leases = new DeviceLeases(clock);
  let arrived = (_device: string) => {};
  const lanes = new DeviceLanes({
    model: "jets",
    devices: ["a", "b"].map((id): Device => ({ id, vendor: "any", platform: "any" })),
    pool,
    breaker: DEFAULT_BREAKER,
    clock,
    log: silent,
    leases,
    async load({ id }) {
      loads.push(id);
      const refusal = refusals[id];
      if (refusal !== undefined) throw refusal;
      return new FakeInstance(id);
    },
    watchArrivals(listener) {
      arrived = listener;
      return () => {
        arrived = () => {};
      };
    },
  });
  const arrives = (device: string) => arrived(device);
  const held = () => pool.lanes.map(({ instance }) => instance.id);
  return { clock, pool, lanes, leases, loads, held, arrives };
}

const away = new BackendError("device", "nobody answers");
const broken = new BackendError("artifact", "another model");

describe("a variant on devices that hold many models", () => {
  it("has an instance on each", async () => {
    const { lanes, held } = onServers({});
    await lanes.enter(never);
    expect(held()).toEqual(["a", "b"]);
    expect(lanes.trouble).toBeUndefined();
    await lanes.leave();
  });

  it("tries a device at once that has just come, and again where that was too early", async () => {
    const refusals: Record<string, BackendError> = { b: away };
    const { clock, lanes, loads, held, arrives } = onServers(refusals);
    await lanes.enter(never);
    await clock.advance(20_000);
    const before = loads.length;
    arrives("b");
    await clock.advance(0);
    expect(loads).toHaveLength(before + 1);
    delete refusals["b"];
    await clock.advance(500);
    expect(held()).toEqual(["a", "b"]);
    arrives("b");
    arrives("a stranger");
    await clock.advance(60_000);
    expect(loads).toHaveLength(before + 2);
    await lanes.leave();
  });

  it("serves on those that took it; the other is tried again until it takes it", async () => {
    const refusals: Record<string, BackendError> = { b: away };
    const { clock, lanes, loads, held } = onServers(refusals);
    await lanes.enter(never);
    expect(held()).toEqual(["a"]);
    await clock.advance(500);
    expect(loads).toEqual(["a", "b", "b"]);
    delete refusals["b"];
    await clock.advance(1_000);
    expect(held()).toEqual(["a", "b"]);
    await clock.advance(60_000);
    expect(loads).toHaveLength(4);
    await lanes.leave();
  });

  it("says why none serves, while one may yet", async () => {
    const refusals: Record<string, BackendError> = { a: away, b: broken };
    const { clock, lanes, held } = onServers(refusals);
    await lanes.enter(never);
    expect(held()).toEqual([]);
    expect(lanes.trouble).toBe("a: nobody answers; b: another model");
    delete refusals["a"];
    await clock.advance(500);
    expect(held()).toEqual(["a"]);
    expect(lanes.trouble).toBeUndefined();
    await lanes.leave();
  });

  it("is refused where all refuse it for good", async () => {
    const { clock, lanes, loads } = onServers({ a: broken, b: broken });
    await expect(lanes.enter(never)).rejects.toBe(broken);
    await clock.advance(60_000);
    expect(loads).toEqual(["a", "b"]);
  });

  it("is not tried any more once the model is unloaded", async () => {
    const { clock, lanes, loads } = onServers({ a: away, b: away });
    await lanes.enter(never);
    await lanes.leave();
    await clock.advance(60_000);
    expect(loads).toEqual(["a", "b"]);
  });

  it("keeps batches from a device that fails", async () => {
    const { pool, lanes } = onServers({});
    await lanes.enter(never);
    const [lane, other] = pool.lanes;
    if (lane === undefined) throw new Error("no lane");
    for (let failures = 0; failures < 2; failures += 1) {
      const execution = lane.execute([aRequest()]);
      (lane.instance as FakeInstance).runs[0]?.fail(away);
      await expect(execution).rejects.toBe(away);
    }
    expect([lane.inService, other?.inService]).toEqual([false, true]);
    await lanes.leave();
  });
});

describe("a device that is leased", () => {
  const lease = (to: string, models: readonly string[], untilMs = 60_000) => ({
    to,
    models,
    untilMs,
  });

  it("is left once what runs there is answered, and taken again when the lease is over", async () => {
    const { clock, pool, lanes, leases, held } = onServers({});
    await lanes.enter(never);
    const [lane] = pool.lanes;
    if (lane === undefined) throw new Error("no lane");
    const execution = lane.execute([aRequest()]);
    let left = false;
    const leaving = leases.lease("a", lease("training", [])).then(() => {
      left = true;
    });
    await clock.advance(10);
    expect([held(), left]).toEqual([["b"], false]);
    (lane.instance as FakeInstance).runs[0]?.finish();
    (await execution).release();
    await leaving;
    expect(left).toBe(true);
    await clock.advance(59_000);
    expect(held()).toEqual(["b"]);
    await clock.advance(1_000);
    expect(held()).toEqual(["b", "a"]);
    await lanes.leave();
  });

  it("keeps the models that the lease is for, and takes them while it lasts", async () => {
    const { lanes, leases, held, loads } = onServers({});
    await leases.lease("a", lease("cms", ["je*"]));
    await lanes.enter(never);
    expect(held()).toEqual(["a", "b"]);
    await leases.lease("b", lease("cms", ["jets"]));
    expect([held(), loads]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    await lanes.leave();
  });

  it("is said to be so where no other serves, and serves when it is released", async () => {
    const { clock, lanes, leases, held } = onServers({});
    await leases.lease("a", lease("training", []));
    await leases.lease("b", lease("training", []));
    expect(await leases.lease("b", lease("atlas", ["jets"]))).toBe("training");
    await lanes.enter(never);
    expect(lanes.trouble).toBe("a: it is leased to training; b: it is leased to training");
    leases.release("b");
    await clock.advance(0);
    expect(held()).toEqual(["b"]);
    await lanes.leave();
  });
});
