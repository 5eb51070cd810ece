/** Models in real worker processes, while nothing goes wrong with these. */
import { existsSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ModelVariant } from "../../backends/contract.ts";
import { OnnxGraph } from "../../models/make/onnx/onnx-graph.ts";
import { echoVariant, FleetRig, load, run } from "../../test/support/fleet-rig.ts";
import { eventually, isAlive } from "../../test/support/process-tree.ts";
import { silent } from "../logger.ts";
import type { Fleet } from "./types.ts";

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

describe("a model in a worker", { timeout: TEST_MS }, () => {
  it("answers, and tells what the load found out", async () => {
    const instance = await load(rig.newFleet(), echoVariant());
    expect(instance).toMatchObject({ id: "echo/1#0", ready: true });
    expect(instance.report).toMatchObject({ batchInvariant: true, maxInFlight: 1 });
    expect(isAlive(instance.workerPid)).toBe(true);
    expect(await run(instance, [1, 2.5])).toEqual([1, 2.5]);
  });

  it("is warmed up at every load, also after its worker's death", async () => {
    const file = join(rig.folder, "x.raw");
    writeFileSync(file, new Uint8Array(8));
    const input = { name: "x", shape: [2], data: { file } };
    const instance = await rig.newFleet().load(
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
    const instance = await load(rig.newFleet(), echoVariant({ delay_ms: "50" }));
    const both = [run(instance, [1]), run(instance, [2])];
    expect(instance.room(4)).toBeUndefined();
    expect(await Promise.all(both)).toEqual([[1], [2]]);
    expect(await run(instance, [3])).toEqual([3]);
  });

  it("answers batches of any size, one after the other", async () => {
    const instance = await load(rig.newFleet(), echoVariant());
    for (const length of [1, 300_000, 3, 60_000, 1_000_000, 2]) {
      const values = Array.from({ length }, (_, i) => i % 1000);
      expect(Buffer.compare(bytesOf(await run(instance, values)), bytesOf(values))).toBe(0);
    }
  });

  it("answers without shared memory just as well", async () => {
    const gone = mkdtempSync(join(rig.folder, "gone-"));
    const fleet = rig.newFleet({ slabFolder: gone });
    rmSync(gone, { recursive: true });
    const instance = await load(fleet, echoVariant());
    const values = Array.from({ length: 500_000 }, (_, i) => i);
    expect(Buffer.compare(bytesOf(await run(instance, values)), bytesOf(values))).toBe(0);
    expect(await run(instance, [1])).toEqual([1]);
  });

  it("is refused with the reason when it cannot be loaded", async () => {
    const fleet = rig.newFleet();
    const refusal = load(fleet, echoVariant({ mode: "telepathy" }));
    await expect(refusal).rejects.toMatchObject({ fault: "artifact" });
    await expect(refusal).rejects.toThrow('"telepathy" is none of');
    await expect(load(fleet, echoVariant(), "abacus")).rejects.toThrow('no backend "abacus"');
    await eventually(() => fleet.workers().length === 0, LIMIT_MS);
    expect(fleet.workers()).toEqual([]);
  });

  it("leaves no worker when it is closed", async () => {
    const fleet = rig.newFleet();
    const instance = await load(fleet, echoVariant());
    const pid = instance.workerPid;
    await instance.close();
    expect(instance.ready).toBe(false);
    expect(isAlive(pid)).toBe(false);
    expect(fleet.workers()).toEqual([]);
  });

  it("is not loaded by a fleet that was closed", async () => {
    const fleet = rig.newFleet();
    await fleet.close();
    await expect(load(fleet, echoVariant())).rejects.toThrow("are being closed");
  });

  it("whose load is aborted is unloaded as soon as it is there", async () => {
    const fleet = rig.newFleet();
    const abort = new AbortController();
    const loading = load(fleet, echoVariant(), "echo", abort.signal);
    abort.abort(new Error("changed my mind"));
    await expect(loading).rejects.toThrow("changed my mind");
    expect(await eventually(() => fleet.workers().length === 0, LIMIT_MS)).toBeDefined();
  });

  it("that is being loaded again after its worker's death is no error when the fleet is closed", async () => {
    const path = join(rig.folder, "once.mjs");
    writeFileSync(
      path,
      `import { existsSync, writeFileSync } from "node:fs";
       const device = { id: "once:0", vendor: "test", platform: "any" };
       const flag = ${JSON.stringify(join(rig.folder, "loaded"))};
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
    const fleet = rig.newFleet({ backends, log: { ...silent, error } });
    const { workerPid } = await load(fleet, echoVariant(), "once");
    process.kill(workerPid, "SIGKILL");
    expect(
      await eventually(() => existsSync(join(rig.folder, "loaded-again")), LIMIT_MS),
    ).toBeDefined();
    await fleet.close();
    expect(error.mock.calls.filter(([text]) => /loaded again/.test(text))).toEqual([]);
    for (const name of ["loaded", "loaded-again"]) unlinkSync(join(rig.folder, name));
  });

  it("of a backend package finds its module by the path in the configuration", async () => {
    const path = join(rig.folder, "abacus.mjs");
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
    const instance = await load(rig.newFleet({ backends }), variant, "abacus");
    expect(instance.report.device.id).toBe("abacus:0");
    expect(await run(instance, [-0])).toEqual([expect.any(Number)]);
  });
});

describe("sensors of a backend's devices", { timeout: TEST_MS }, () => {
  function fromPackage(sensors: string): Fleet {
    const path = join(rig.folder, "thermometer.mjs");
    writeFileSync(
      path,
      `export default { kind: "thermometer", platforms: [], formats: {}, inspect() {},
         create: async () => ({ kind: "thermometer", devices: async () => [], close: async () => {}, ${sensors} }) };`,
    );
    return rig.newFleet({ backends: [{ kind: "thermometer", package: path }] });
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

describe("more models than workers", { timeout: TEST_MS }, () => {
  it("share them, and each still gets its own answers", async () => {
    const fleet = rig.newFleet({ maxCpuWorkers: 2 });
    const names = ["a", "b", "c", "d", "e"];
    const instances = await Promise.all(names.map((name) => load(fleet, echoVariant({}, name))));
    expect(new Set(instances.map(({ workerPid }) => workerPid)).size).toBe(2);
    const sizes = fleet.workers().map((worker) => worker.instances.length);
    expect(sizes.sort()).toEqual([2, 3]);
    const answers = await Promise.all(instances.map((instance, i) => run(instance, [i])));
    expect(answers).toEqual([[0], [1], [2], [3], [4]]);
  });

  it("avoid the busy worker", async () => {
    const fleet = rig.newFleet({ maxCpuWorkers: 2 });
    const busy = await load(fleet, echoVariant({ delay_ms: "300" }, "busy"));
    const idle = await load(fleet, echoVariant({}, "idle"));
    const second = await load(fleet, echoVariant({}, "second"));
    for (let i = 0; i < 3; i++) await run(busy, [1]);
    const third = await load(fleet, echoVariant({}, "third"));
    expect([second.workerPid, third.workerPid]).toContain(idle.workerPid);
    expect(third.workerPid).toBe(idle.workerPid);
  });

  it("on a device other than the CPU all go to the worker of that device", async () => {
    const fleet = rig.newFleet();
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
    const fleet = rig.newFleet();
    expect(await fleet.devices("echo")).toEqual([
      { id: "echo:0", vendor: "beamgate", platform: "any" },
    ]);
    expect(fleet.workers()).toEqual([]);
    await expect(fleet.devices("tpu")).rejects.toThrow('no backend "tpu"');
  });
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
    const path = join(rig.folder, "mlp.onnx");
    writeFileSync(path, graph.finish());
    const instance = await load(
      rig.newFleet(),
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
