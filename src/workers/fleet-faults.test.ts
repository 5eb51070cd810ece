/** Real worker processes that die, hang or stop. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ModelVariant } from "../../backends/contract.ts";
import { echoVariant, FleetRig, hostEntry, load, run } from "../../test/support/fleet-rig.ts";
import { eventually, isAlive } from "../../test/support/process-tree.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { silent } from "../logger.ts";
import { packageRoot } from "../package-root.ts";
import { type Instance, WorkerLost } from "./types.ts";

const TEST_MS = 120_000;
/** Within it something happens, however slow the machine is. */
const LIMIT_MS = 30_000;

let rig: FleetRig;
beforeEach(() => {
  rig = new FleetRig();
});
afterEach(async () => {
  expect(await rig.close()).toEqual([]);
});

function bytesVariant(name: string): ModelVariant {
  const bytes = { name: "x", datatype: "UINT8", shape: [-1] } as const;
  return { ...echoVariant({}, name), inputs: [bytes], outputs: [{ ...bytes, name: "y" }] };
}

async function runByte(instance: Instance, value: number): Promise<void> {
  const room = instance.room(1);
  if (room === undefined) throw new Error("no room");
  room.bytes[0] = value;
  const inputs = [{ index: 0, shape: [1, 1], offset: 0, byteLength: 1 }];
  await instance.run({ room, inputs, outputOffset: 1, outputs: [0], memberRows: [1] });
  room.release();
}

const settled = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (cause: unknown) => cause,
  );

function becomesReady(instance: Instance): Promise<void> {
  if (instance.ready) return Promise.resolve();
  return new Promise((resolve) => {
    instance.onChange = () => {
      if (instance.ready) resolve();
    };
  });
}

describe("a worker that is killed", { timeout: TEST_MS }, () => {
  it("loses its runs, tells which was executing, and is back at once", async () => {
    const fleet = rig.newFleet();
    const instance = await load(fleet, echoVariant({ delay_ms: "2000" }));
    const lost = [settled(run(instance, [1])), settled(run(instance, [2]))];
    const former = instance.workerPid;
    await new Promise((resolve) => setTimeout(resolve, 500));
    process.kill(former, "SIGKILL");
    const [first, second] = await Promise.all(lost);
    expect(first).toBeInstanceOf(WorkerLost);
    expect(first).toMatchObject({
      executing: true,
      message: `worker ${former} was killed by SIGKILL`,
    });
    expect(second).toMatchObject({ name: "WorkerLost", executing: false });
    expect(instance).toMatchObject({ ready: false, workerPid: 0 });
    expect(instance.room(4)).toBeUndefined();
    await becomesReady(instance);
    expect(instance.workerPid).not.toBe(former);
    expect(await run(instance, [3])).toEqual([3]);
    expect(fleet.workers()).toMatchObject([{ respawns: 1, state: "ready" }]);
  });

  it("lets whoever holds a room of its finish writing, and refuses to run it", async () => {
    const instance = await load(rig.newFleet(), echoVariant());
    const room = instance.room(4);
    if (room === undefined) throw new Error("no room");
    process.kill(instance.workerPid, "SIGKILL");
    await eventually(() => !instance.ready, LIMIT_MS);
    await becomesReady(instance);
    room.bytes.fill(0);
    const inputs = [{ index: 0, shape: [1, 1], offset: 0, byteLength: 4 }];
    const late = instance.run({ room, inputs, outputOffset: 4, outputs: [0], memberRows: [1] });
    await expect(late).rejects.toMatchObject({ name: "WorkerLost", executing: false });
    room.release();
    expect(await run(instance, [3])).toEqual([3]);
  });

  it("by its own library says so, with its last words in the log", async () => {
    const warnings: [string, object | undefined][] = [];
    const log = {
      ...silent,
      warn: (text: string, more?: object) => void warnings.push([text, more]),
    };
    const instance = await load(rig.newFleet({ log }), echoVariant({ crash_on: "13" }));
    const pid = instance.workerPid;
    expect(await settled(run(instance, [13]))).toMatchObject({
      executing: true,
      message: `worker ${pid} was killed by SIGSEGV`,
    });
    expect(warnings).toContainEqual([
      `worker ${pid} was killed by SIGSEGV`,
      { lastWords: "echo: crashing as told" },
    ]);
  });
});

describe("a worker that is told to end by whoever ends the gateway", { timeout: TEST_MS }, () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "by %s goes on, as the gateway needs it to drain",
    async (signal) => {
      const instance = await load(rig.newFleet(), echoVariant());
      const pid = instance.workerPid;
      process.kill(pid, signal);
      expect(await run(instance, [1])).toEqual([1]);
      expect(instance.workerPid).toBe(pid);
    },
  );
});

describe("a worker that even a kill does not end", { timeout: TEST_MS }, () => {
  // As one that waits in a driver, uninterruptibly.
  const kill = vi.spyOn(process, "kill");
  afterEach(() => void kill.mockRestore());

  it("is given up after five seconds, and its runs with it", async () => {
    const clock = new VirtualClock();
    const fleet = rig.newFleet({ clock, executionTimeoutMs: 300 });
    const instance = await load(fleet, echoVariant({ hang_on: "13" }));
    const pid = instance.workerPid;
    kill.mockReturnValue(true);
    const hanging = settled(run(instance, [13]));
    await clock.advance(1_000);
    expect(instance.workerPid).toBe(pid);
    await clock.advance(5_000);
    expect(await hanging).toMatchObject({
      executing: true,
      message: `worker ${pid} does not end although it was killed: one execution took longer than 300 ms`,
    });
    expect(instance.ready).toBe(false);
    kill.mockRestore();
    process.kill(-pid, "SIGKILL");
  });
});

describe("a worker that hangs in native code", { timeout: TEST_MS }, () => {
  it("is killed when one execution takes too long", async () => {
    const instance = await load(
      rig.newFleet({ executionTimeoutMs: 1_500 }),
      echoVariant({ hang_on: "13" }),
    );
    const error = await settled(run(instance, [13]));
    expect(error).toMatchObject({ name: "WorkerLost", executing: true });
    expect(String(error)).toContain("one execution took longer than 1500 ms");
    await becomesReady(instance);
    expect(await run(instance, [1])).toEqual([1]);
  });

  it("is not killed for many executions that are long together", async () => {
    const instance = await load(
      rig.newFleet({ executionTimeoutMs: 2_500 }),
      echoVariant({ delay_ms: "1300" }),
    );
    const pid = instance.workerPid;
    for (let i = 0; i < 2; i++) await Promise.all([run(instance, [1]), run(instance, [2])]);
    expect(instance.workerPid).toBe(pid);
  });

  it.each([
    ["answers for", (other: Instance) => runByte(other, 1)],
    ["lets itself be asked about", (other: Instance) => other.probe()],
  ])("with one model is killed although it %s another", async (_, useOther) => {
    const path = join(rig.folder, "forgetful.mjs");
    writeFileSync(
      path,
      `const device = { id: "forgetful:0", vendor: "test", platform: "any" };
       const execute = async ({ inputs: [x] }) =>
         x.data[0] === 13 ? new Promise(() => {}) : [{ ...x, name: "y", data: Uint8Array.from(x.data) }];
       export default { kind: "forgetful", platforms: ["any"], formats: {},
         inspect: async () => ({ platform: "any" }),
         create: async () => ({ kind: "forgetful", devices: async () => [device],
           load: async () => ({ device, unload: async () => {}, execute }), close: async () => {} }) };`,
    );
    const clock = new VirtualClock();
    const backends = [{ kind: "forgetful", package: path }];
    const fleet = rig.newFleet({ clock, backends, maxCpuWorkers: 1, executionTimeoutMs: 300 });
    const stuck = await load(fleet, bytesVariant("stuck"), "forgetful");
    const other = await load(fleet, bytesVariant("other"), "forgetful");
    expect(other.workerPid).toBe(stuck.workerPid);
    const hanging = settled(runByte(stuck, 13));
    for (let times = 0; times < 4; times++) {
      await clock.advance(90);
      await settled(useOther(other));
    }
    await clock.advance(90);
    expect(String(await hanging)).toContain("one execution took longer than 300 ms");
  });

  it("in its first runs is killed as soon as in any other, whatever a load may take", async () => {
    const fleet = rig.newFleet({ executionTimeoutMs: 1_500, loadTimeoutMs: 600_000 });
    const loading = load(fleet, echoVariant({ hang_on: "0" }));
    await expect(loading).rejects.toThrow("a probe took longer than 1500 ms");
  });

  it("is killed when a probe of it hangs, and a probe that ends leaves it as it was", async () => {
    const instance = await load(
      rig.newFleet({ executionTimeoutMs: 2_000 }),
      echoVariant({ delay_ms: "100" }),
    );
    const pid = instance.workerPid;
    const running = [run(instance, [1]), run(instance, [2])];
    await instance.probe();
    expect(await Promise.all(running)).toEqual([[1], [2]]);
    expect([await run(instance, [3]), instance.workerPid]).toEqual([[3], pid]);
    process.kill(pid, "SIGSTOP");
    await expect(instance.probe()).rejects.toThrow("a probe took longer than 2000 ms");
    await becomesReady(instance);
    expect(await run(instance, [4])).toEqual([4]);
  });

  it("while it has nothing to do is found by its silence", async () => {
    const instance = await load(rig.newFleet({ executionTimeoutMs: 1_500 }), echoVariant());
    const pid = instance.workerPid;
    process.kill(pid, "SIGSTOP");
    const replaced = () => instance.ready && instance.workerPid !== pid;
    expect(await eventually(replaced, LIMIT_MS)).toBeDefined();
    expect(isAlive(pid)).toBe(false);
    expect(await run(instance, [1])).toEqual([1]);
  });
});

describe("a worker that stopped before it is asked", { timeout: TEST_MS }, () => {
  /** Short of what a load may take by far: who waits for that does not come back within the test. */
  const newFleetOfOne = () =>
    rig.newFleet({ maxCpuWorkers: 1, executionTimeoutMs: 1_500, loadTimeoutMs: 600_000 });

  it("to load one more model is replaced, and the model is loaded", async () => {
    const fleet = newFleetOfOne();
    const first = await load(fleet, echoVariant({}, "first"));
    const pid = first.workerPid;
    process.kill(pid, "SIGSTOP");
    const second = await load(fleet, echoVariant({}, "second"));
    expect(await run(second, [2])).toEqual([2]);
    expect(isAlive(pid)).toBe(false);
    await becomesReady(first);
    expect(await run(first, [1])).toEqual([1]);
  });

  it("to unload does not outlive its model", async () => {
    const instance = await load(newFleetOfOne(), echoVariant());
    const pid = instance.workerPid;
    process.kill(pid, "SIGSTOP");
    await instance.close();
    expect(isAlive(pid)).toBe(false);
  });
});

it(
  "a worker that a load keeps from answering for longer than an execution is left alone",
  async () => {
    const path = join(rig.folder, "busy.mjs");
    writeFileSync(
      path,
      `const device = { id: "busy:0", vendor: "test", platform: "any" };
     const execute = async ({ inputs: [x] }) => [{ ...x, name: "y", data: Uint8Array.from(x.data) }];
     const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
     export default { kind: "busy", platforms: ["any"], formats: {},
       inspect: async () => ({ platform: "any" }),
       create: async () => ({ kind: "busy", devices: async () => [device],
         load: async ({ model }) => {
           if (model === "slow") wait(4_000);
           return { device, unload: async () => {}, execute };
         }, close: async () => {} }) };`,
    );
    const backends = [{ kind: "busy", package: path }];
    const fleet = rig.newFleet({ backends, maxCpuWorkers: 1, executionTimeoutMs: 1_500 });
    const quick = await load(fleet, bytesVariant("quick"), "busy");
    const pid = quick.workerPid;
    const loading = load(fleet, bytesVariant("slow"), "busy");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await quick.close();
    const slow = await loading;
    await runByte(slow, 7);
    expect(slow.workerPid).toBe(pid);
  },
  TEST_MS,
);

describe("a model that kills its worker when it is loaded", { timeout: TEST_MS }, () => {
  it("is refused, and the others of that worker are back soon", async () => {
    const fleet = rig.newFleet({ maxCpuWorkers: 1 });
    const good = await load(fleet, echoVariant({}, "good"));
    const bad = echoVariant({ crash_on_load_if_exists: rig.folder }, "bad");
    await expect(load(fleet, bad)).rejects.toThrow(
      /loading bad\/1#1: worker \d+ was killed by SIGSEGV/,
    );
    await becomesReady(good);
    expect(await run(good, [1])).toEqual([1]);
    expect(fleet.workers()).toMatchObject([{ instances: [good.id] }]);
  });

  it("only later is tried in a worker of its own, ever less often, and comes back when it can", async () => {
    const fleet = rig.newFleet({ maxCpuWorkers: 1 });
    const trap = join(rig.folder, "trap");
    const bad = await load(fleet, echoVariant({ crash_on_load_if_exists: trap }, "bad"));
    const good = await load(fleet, echoVariant({}, "good"));
    expect(good.workerPid).toBe(bad.workerPid);
    writeFileSync(trap, "");
    process.kill(good.workerPid, "SIGKILL");
    await eventually(() => !good.ready, LIMIT_MS);
    await becomesReady(good);
    const goodPid = good.workerPid;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(good.workerPid).toBe(goodPid);
    expect(bad.ready).toBe(false);
    const tries = fleet.workers().find(({ instances }) => instances.includes(bad.id))?.respawns;
    expect(tries).toBeLessThan(8);
    rmSync(trap);
    await becomesReady(bad);
    expect(await run(bad, [2])).toEqual([2]);
    expect(good.workerPid).toBe(goodPid);
  });
});

describe("a gateway that dies", { timeout: TEST_MS }, () => {
  /** A gateway with two models, one of them executing for ever. Prints the workers' pids. */
  const script = (dist: string) => `
    const { createFleet } = await import(${JSON.stringify(`${dist}/src/workers/fleet.js`)});
    const { systemClock } = await import(${JSON.stringify(`${dist}/src/clock.js`)});
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const [hostEntry, slabFolder, variant] = JSON.parse(process.argv[1]);
    const fleet = createFleet({ hostEntry, slabFolder, clock: systemClock, log });
    const signal = new AbortController().signal;
    const load = (parameters) => fleet.load(
      { backendKind: "echo", options: {}, device: "cpu", variant: { ...variant, parameters } }, signal);
    const idle = await load({});
    const busy = await load({ hang_on: "13" });
    const room = busy.room(4);
    room.bytes.writeFloatLE(13, 0);
    busy.run({ room, outputOffset: 4, outputs: [0], memberRows: [1],
      inputs: [{ index: 0, shape: [1, 1], offset: 0, byteLength: 4 }] }).catch(() => {});
    setTimeout(() => console.log(JSON.stringify([idle.workerPid, busy.workerPid])), 50);
  `;

  it.each(["SIGKILL", "SIGTERM", "SIGSEGV"] as const)(
    "by %s takes its workers along at once, also one that is blocked in native code",
    async (signal) => {
      const dist = pathToFileURL(join(packageRoot, "dist")).href;
      const argument = JSON.stringify([hostEntry, rig.folder, echoVariant()]);
      const gateway = spawn(
        process.execPath,
        ["--input-type=module", "-e", script(dist), argument],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      const [line] = (await once(gateway.stdout, "data")) as [Buffer];
      const workers = JSON.parse(line.toString()) as number[];
      expect(workers.map(isAlive)).toEqual([true, true]);
      gateway.kill(signal);
      // The one that is blocked would stay for ever.
      expect(await eventually(() => !workers.some(isAlive), LIMIT_MS)).toBeDefined();
      expect(readdirSync(rig.folder)).toEqual([]);
    },
  );
});
