/** Stories with real worker processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ModelVariant } from "../../backends/contract.ts";
import { OnnxGraph } from "../../models/make/onnx/onnx-graph.ts";
import { eventually, isAlive } from "../../test/support/process-tree.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { systemClock } from "../clock.ts";
import { silent } from "../logger.ts";
import { packageRoot } from "../package-root.ts";
import { createFleet, type FleetOptions } from "./fleet.ts";
import { chooseSlabFolder } from "./slab.ts";
import { type Fleet, type Instance, type RunResult, WorkerLost } from "./types.ts";

const hostEntry = join(packageRoot, "dist/src/workers/host.js");
const TEST_MS = 120_000;
/** Within it something happens, however slow the machine is. */
const LIMIT_MS = 30_000;

let folder: string;
const fleets: Fleet[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(chooseSlabFolder("/dev/shm"), "beamgate-test-"));
});
afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
  expect(readdirSync(folder).filter((name) => name.startsWith("beamgate-"))).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
});

function newFleet(options: Partial<FleetOptions> = {}): Fleet {
  const fleet = createFleet({
    hostEntry,
    clock: systemClock,
    log: silent,
    slabFolder: folder,
    heartbeatMs: 50,
    ...options,
  });
  fleets.push(fleet);
  return fleet;
}

function echoVariant(parameters: Record<string, string> = {}, name = "echo"): ModelVariant {
  return {
    model: name,
    version: "1",
    inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
    maxBatchSize: 64,
    artifact: { digest: "", path: "", format: "echo", platform: "any" },
    parameters,
  };
}

function load(
  fleet: Fleet,
  variant: ModelVariant,
  backendKind = "echo",
  signal = new AbortController().signal,
): Promise<Instance> {
  return fleet.load({ backendKind, variant, options: {}, device: "cpu" }, signal);
}

/** Runs one row and gives the room back; outputs are copied out of it before. */
async function run(instance: Instance, values: readonly number[]): Promise<number[]> {
  const result = await runRaw(instance, values);
  return result.values;
}

async function runRaw(
  instance: Instance,
  values: readonly number[],
): Promise<{ values: number[]; result: RunResult }> {
  const byteLength = 4 * values.length;
  const room = instance.room(byteLength);
  if (room === undefined) throw new Error("no room");
  try {
    room.bytes.set(new Uint8Array(Float32Array.from(values).buffer));
    const result = await instance.run({
      room,
      inputs: [{ index: 0, shape: [1, values.length], offset: 0, byteLength }],
      outputOffset: byteLength,
      outputs: [0],
      memberRows: [1],
    });
    const data = Uint8Array.from(result.outputs[0]?.data ?? []);
    return { values: [...new Float32Array(data.buffer)], result };
  } finally {
    room.release();
  }
}

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

describe("a model in a worker", { timeout: TEST_MS }, () => {
  it("answers, and tells what the load found out", async () => {
    const instance = await load(newFleet(), echoVariant());
    expect(instance).toMatchObject({ id: "echo/1#0", ready: true });
    expect(instance.report).toMatchObject({ batchInvariant: true, maxInFlight: 1 });
    expect(isAlive(instance.workerPid)).toBe(true);
    expect(await run(instance, [1, 2.5])).toEqual([1, 2.5]);
  });

  it("is warmed up at every load, also after its worker's death", async () => {
    const file = join(folder, "x.raw");
    writeFileSync(file, new Uint8Array(8));
    const input = { name: "x", shape: [2], data: { file } };
    const instance = await newFleet().load(
      {
        backendKind: "echo",
        variant: echoVariant(),
        warmup: [{ name: "first", count: 2, rows: 3, inputs: [input] }],
        options: {},
        device: "cpu",
      },
      new AbortController().signal,
    );
    expect(instance.ready).toBe(true);
    unlinkSync(file);
    process.kill(instance.workerPid, "SIGKILL");
    await expect
      .poll(() => instance.failure, { timeout: TEST_MS })
      .toMatch(/^failed to run warmup sample 'first': ENOENT/);
  });

  it("takes one run more than it executes at once, and no third", async () => {
    const instance = await load(newFleet(), echoVariant({ delay_ms: "50" }));
    const both = [run(instance, [1]), run(instance, [2])];
    expect(instance.room(4)).toBeUndefined();
    expect(await Promise.all(both)).toEqual([[1], [2]]);
    expect(await run(instance, [3])).toEqual([3]);
  });

  it("answers batches of any size, one after the other", async () => {
    const instance = await load(newFleet(), echoVariant());
    for (const length of [1, 300_000, 3, 60_000, 1_000_000, 2]) {
      const values = Array.from({ length }, (_, i) => i % 1000);
      expect(Buffer.compare(bytesOf(await run(instance, values)), bytesOf(values))).toBe(0);
    }
  });

  it("answers without shared memory just as well", async () => {
    const gone = mkdtempSync(join(folder, "gone-"));
    const fleet = newFleet({ slabFolder: gone });
    rmSync(gone, { recursive: true });
    const instance = await load(fleet, echoVariant());
    const values = Array.from({ length: 500_000 }, (_, i) => i);
    expect(Buffer.compare(bytesOf(await run(instance, values)), bytesOf(values))).toBe(0);
    expect(await run(instance, [1])).toEqual([1]);
  });

  it("is refused with the reason when it cannot be loaded", async () => {
    const fleet = newFleet();
    const refusal = load(fleet, echoVariant({ mode: "telepathy" }));
    await expect(refusal).rejects.toMatchObject({ fault: "artifact" });
    await expect(refusal).rejects.toThrow('"telepathy" is none of');
    await expect(load(fleet, echoVariant(), "abacus")).rejects.toThrow('no backend "abacus"');
    await eventually(() => fleet.workers().length === 0, LIMIT_MS);
    expect(fleet.workers()).toEqual([]);
  });

  it("leaves no worker when it is closed", async () => {
    const fleet = newFleet();
    const instance = await load(fleet, echoVariant());
    const pid = instance.workerPid;
    await instance.close();
    expect(instance.ready).toBe(false);
    expect(isAlive(pid)).toBe(false);
    expect(fleet.workers()).toEqual([]);
  });

  it("is not loaded by a fleet that was closed", async () => {
    const fleet = newFleet();
    await fleet.close();
    await expect(load(fleet, echoVariant())).rejects.toThrow("are being closed");
  });

  it("whose load is aborted is unloaded as soon as it is there", async () => {
    const fleet = newFleet();
    const abort = new AbortController();
    const loading = load(fleet, echoVariant(), "echo", abort.signal);
    abort.abort(new Error("changed my mind"));
    await expect(loading).rejects.toThrow("changed my mind");
    expect(await eventually(() => fleet.workers().length === 0, LIMIT_MS)).toBeDefined();
  });

  it("that is being loaded again after its worker's death is no error when the fleet is closed", async () => {
    const path = join(folder, "once.mjs");
    writeFileSync(
      path,
      `import { existsSync, writeFileSync } from "node:fs";
       const device = { id: "once:0", vendor: "test", platform: "any" };
       const flag = ${JSON.stringify(join(folder, "loaded"))};
       export default { kind: "once", platforms: ["any"], formats: {}, inspect: async () => ({ platform: "any" }),
         create: async () => ({ kind: "once", devices: async () => [device], close: async () => {},
           load: async () => {
             if (existsSync(flag)) { writeFileSync(flag + "-again", ""); await new Promise(() => {}); }
             writeFileSync(flag, "");
             return { device, unload: async () => {}, execute: async ({ inputs }) => [{ ...inputs[0], name: "y" }] };
           } }) };`,
    );
    const error = vi.fn();
    const backends = [{ kind: "once", package: path, options: {} }];
    const fleet = newFleet({ backends, log: { ...silent, error } });
    const { workerPid } = await load(fleet, echoVariant(), "once");
    process.kill(workerPid, "SIGKILL");
    expect(
      await eventually(() => existsSync(join(folder, "loaded-again")), LIMIT_MS),
    ).toBeDefined();
    await fleet.close();
    expect(error.mock.calls.filter(([text]) => /loaded again/.test(text))).toEqual([]);
    for (const name of ["loaded", "loaded-again"]) unlinkSync(join(folder, name));
  });

  it("of a backend package finds its module by the path in the configuration", async () => {
    const path = join(folder, "abacus.mjs");
    writeFileSync(
      path,
      `const device = { id: "abacus:0", vendor: "test", platform: "any" };
       export default { kind: "abacus", platforms: ["abacus"], formats: {},
         inspect: async () => ({ platform: "any" }),
         create: async (options) => ({ kind: "abacus", devices: async () => [device],
           load: async () => ({ device, unload: async () => {}, execute: async ({ inputs }) => [
             { ...inputs[0], name: "y", data: Uint8Array.from(inputs[0].data, (b) => b ^ options.flip) }] }),
           close: async () => {} }) };`,
    );
    const backends = [{ kind: "abacus", package: path, options: { flip: 255 } }];
    const variant: ModelVariant = {
      ...echoVariant(),
      inputs: [{ name: "x", datatype: "FP32", shape: [1] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [1] }],
    };
    const instance = await load(newFleet({ backends }), variant, "abacus");
    expect(instance.report.device.id).toBe("abacus:0");
    expect(await run(instance, [-0])).toEqual([expect.any(Number)]);
  });
});

describe("sensors of a backend's devices", { timeout: TEST_MS }, () => {
  function fromPackage(sensors: string): Fleet {
    const path = join(folder, "thermometer.mjs");
    writeFileSync(
      path,
      `export default { kind: "thermometer", platforms: [], formats: {}, inspect() {},
         create: async () => ({ kind: "thermometer", devices: async () => [], close: async () => {}, ${sensors} }) };`,
    );
    return newFleet({ backends: [{ kind: "thermometer", package: path }] });
  }

  it("are asked for in a worker, which is gone afterwards", async () => {
    const fleet = fromPackage(
      'sensors: async () => [{ id: "t:0", powerW: 3, source: String(process.pid) }]',
    );
    const [sensors] = await fleet.sensors("thermometer");
    expect(sensors).toMatchObject({ id: "t:0", powerW: 3 });
    expect(isAlive(Number(sensors?.source))).toBe(false);
    expect(fleet.workers()).toEqual([]);
  });

  it("are none where the backend reads none", async () => {
    expect(await fromPackage("").sensors("thermometer")).toEqual([]);
  });

  it("are refused with the reason where they cannot be read", async () => {
    const fleet = fromPackage('sensors: async () => { throw new Error("no bus") }');
    await expect(fleet.sensors("thermometer")).rejects.toThrow("no bus");
  });
});

describe("a worker that is killed", { timeout: TEST_MS }, () => {
  it("loses its runs, tells which was executing, and is back at once", async () => {
    const fleet = newFleet();
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
    const instance = await load(newFleet(), echoVariant());
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
    const instance = await load(newFleet({ log }), echoVariant({ crash_on: "13" }));
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
      const instance = await load(newFleet(), echoVariant());
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
    const fleet = newFleet({ clock, executionTimeoutMs: 300 });
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
      newFleet({ executionTimeoutMs: 1_500 }),
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
      newFleet({ executionTimeoutMs: 2_500 }),
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
    const path = join(folder, "forgetful.mjs");
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
    const fleet = newFleet({ clock, backends, maxCpuWorkers: 1, executionTimeoutMs: 300 });
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
    const fleet = newFleet({ executionTimeoutMs: 1_500, loadTimeoutMs: 600_000 });
    const loading = load(fleet, echoVariant({ hang_on: "0" }));
    await expect(loading).rejects.toThrow("a probe took longer than 1500 ms");
  });

  it("is killed when a probe of it hangs, and a probe that ends leaves it as it was", async () => {
    const instance = await load(
      newFleet({ executionTimeoutMs: 2_000 }),
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
    const instance = await load(newFleet({ executionTimeoutMs: 1_500 }), echoVariant());
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
    newFleet({ maxCpuWorkers: 1, executionTimeoutMs: 1_500, loadTimeoutMs: 600_000 });

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
    const path = join(folder, "busy.mjs");
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
    const fleet = newFleet({ backends, maxCpuWorkers: 1, executionTimeoutMs: 1_500 });
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
    const fleet = newFleet({ maxCpuWorkers: 1 });
    const good = await load(fleet, echoVariant({}, "good"));
    const bad = echoVariant({ crash_on_load_if_exists: folder }, "bad");
    await expect(load(fleet, bad)).rejects.toThrow(
      /loading bad\/1#1: worker \d+ was killed by SIGSEGV/,
    );
    await becomesReady(good);
    expect(await run(good, [1])).toEqual([1]);
    expect(fleet.workers()).toMatchObject([{ instances: [good.id] }]);
  });

  it("only later is tried in a worker of its own, ever less often, and comes back when it can", async () => {
    const fleet = newFleet({ maxCpuWorkers: 1 });
    const trap = join(folder, "trap");
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

describe("more models than workers", { timeout: TEST_MS }, () => {
  it("share them, and each still gets its own answers", async () => {
    const fleet = newFleet({ maxCpuWorkers: 2 });
    const names = ["a", "b", "c", "d", "e"];
    const instances = await Promise.all(names.map((name) => load(fleet, echoVariant({}, name))));
    expect(new Set(instances.map(({ workerPid }) => workerPid)).size).toBe(2);
    const sizes = fleet.workers().map((worker) => worker.instances.length);
    expect(sizes.sort()).toEqual([2, 3]);
    const answers = await Promise.all(instances.map((instance, i) => run(instance, [i])));
    expect(answers).toEqual([[0], [1], [2], [3], [4]]);
  });

  it("avoid the busy worker", async () => {
    const fleet = newFleet({ maxCpuWorkers: 2 });
    const busy = await load(fleet, echoVariant({ delay_ms: "300" }, "busy"));
    const idle = await load(fleet, echoVariant({}, "idle"));
    const second = await load(fleet, echoVariant({}, "second"));
    for (let i = 0; i < 3; i++) await run(busy, [1]);
    const third = await load(fleet, echoVariant({}, "third"));
    expect([second.workerPid, third.workerPid]).toContain(idle.workerPid);
    expect(third.workerPid).toBe(idle.workerPid);
  });

  it("on a device other than the CPU all go to the worker of that device", async () => {
    const fleet = newFleet();
    const signal = new AbortController().signal;
    const request = { backendKind: "echo", options: {}, device: "echo:0" };
    const [a, b] = await Promise.all(
      ["a", "b"].map((name) => fleet.load({ ...request, variant: echoVariant({}, name) }, signal)),
    );
    expect(a?.workerPid).toBe(b?.workerPid);
    const missing = fleet.load({ ...request, device: "u50:7", variant: echoVariant() }, signal);
    await expect(missing).rejects.toThrow('no device "u50:7"; present: echo:0');
  });
});

describe("the devices of a backend", { timeout: TEST_MS }, () => {
  it("are asked for in a worker that ends then", async () => {
    const fleet = newFleet();
    expect(await fleet.devices("echo")).toEqual([
      { id: "echo:0", vendor: "beamgate", platform: "any" },
    ]);
    expect(fleet.workers()).toEqual([]);
    await expect(fleet.devices("tpu")).rejects.toThrow('no backend "tpu"');
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
      const argument = JSON.stringify([hostEntry, folder, echoVariant()]);
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
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});

describe("an idle worker with a small network", { timeout: TEST_MS }, () => {
  it.skipIf(process.platform !== "linux")("holds at most 95 MB of memory", async () => {
    const graph = new OnnxGraph("mlp", "16-64-32-32-5");
    const sizes = [16, 64, 32, 32, 5];
    let value = graph.input("x", "FP32", ["batch", 16]);
    for (const [i, inputs] of sizes.slice(0, -1).entries()) {
      const outputs = sizes[i + 1] ?? 0;
      const weights = graph.floats(new Float32Array(inputs * outputs).fill(0.1), [inputs, outputs]);
      const bias = graph.floats(new Float32Array(outputs), [outputs]);
      const last = i === sizes.length - 2;
      value = graph.node("Gemm", [value, weights, bias]);
      value = graph.node(last ? "Softmax" : "Relu", [value], {}, last ? "y" : undefined);
    }
    graph.output(value, "FP32", ["batch", 5]);
    const path = join(folder, "mlp.onnx");
    writeFileSync(path, graph.finish());
    const instance = await load(
      newFleet(),
      {
        ...echoVariant({}, "mlp"),
        inputs: [{ name: "x", datatype: "FP32", shape: [16] }],
        outputs: [{ name: "y", datatype: "FP32", shape: [5] }],
        artifact: { digest: "", path, format: "onnx", platform: "any" },
      },
      "arm-cpu",
    );
    const status = readFileSync(`/proc/${instance.workerPid}/status`, "utf8");
    const residentKb = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
    expect(residentKb).toBeGreaterThan(1_000);
    // Node 22 and 24 themselves take some 6 MB more than 20.
    const limitMb = process.versions.node.startsWith("20.") ? 95 : 101;
    expect(residentKb * 1024).toBeLessThanOrEqual(limitMb * 1e6);
    const answer = await run(
      instance,
      Array.from({ length: 16 }, () => 1),
    );
    expect(answer.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1);
  });
});

function bytesOf(values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}
