/** What becomes of a call when an emulated board misbehaves. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { silent } from "../../src/logger.ts";
import { packageRoot } from "../../src/package-root.ts";
import { createFleet } from "../../src/workers/fleet.ts";
import type { Fleet, Instance } from "../../src/workers/types.ts";
import { eventually, isAlive } from "../../test/support/process-tree.ts";
import type { Backend, Device, ModelInstance } from "../contract.ts";
import { xilinxU50 } from "./backend.ts";
import type { Faults } from "./board/faults.ts";
import { addSubRows, addSubVariant, ELEMENTS } from "./testing/add-sub.ts";
import { missingXrt, plain, run, signal } from "./testing/boards.ts";

const missing = missingXrt();
const folder = mkdtempSync(join(tmpdir(), "beamgate-xilinx-u50-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const faultsFile = join(folder, "faults.json");
const misbehave = (faults: Faults) => writeFileSync(faultsFile, JSON.stringify(faults));
beforeEach(() => misbehave({}));

const options = { emulated: { boards: 2, faultsFile } };
const variant = addSubVariant(folder);
const rightly = addSubRows(50).outputs.map(plain);

describe.skipIf(missing)(`a board that misbehaves${missing ? `: ${missing}` : ""}`, () => {
  let backend: Backend;
  const instances: ModelInstance[] = [];
  beforeEach(async () => {
    backend = await xilinxU50.create(options, { log() {} });
  });
  afterEach(async () => {
    for (const instance of instances.splice(0)) await instance.unload();
    await backend.close();
  });

  async function load(board = 0): Promise<ModelInstance> {
    const device = (await backend.devices())[board] as Device;
    const instance = await backend.load(variant, device, {}, signal);
    instances.push(instance);
    return instance;
  }

  it("is slow: the answer is right, and late", async () => {
    const instance = await load();
    misbehave({ slow: { ms: 150 } });
    const began = performance.now();
    expect(await run(instance, addSubRows(50))).toEqual(rightly);
    expect(performance.now() - began).toBeGreaterThan(150);
  });

  it("computes wrongly: the answer is wrong, and right again afterwards", async () => {
    const instance = await load();
    misbehave({ wrongData: true });
    expect(await run(instance, addSubRows(50))).not.toEqual(rightly);
    misbehave({});
    expect(await run(instance, addSubRows(50))).toEqual(rightly);
  });

  it("answers too few bytes: fault `device`, and right answers afterwards", async () => {
    const instance = await load();
    misbehave({ wrongLength: true });
    await expect(run(instance, addSubRows(50))).rejects.toMatchObject({ fault: "device" });
    misbehave({});
    expect(await run(instance, addSubRows(50))).toEqual(rightly);
  });

  it("refuses an image: fault `artifact`, and it can be loaded afterwards", async () => {
    misbehave({ refuseImage: true });
    await expect(load()).rejects.toMatchObject({ fault: "artifact" });
    misbehave({});
    expect(await run(await load(), addSubRows(50))).toEqual(rightly);
  });

  it("ends unnoticed by XRT: the call ends with fault `device` and says why", async () => {
    const instance = await load();
    misbehave({ die: "exit" });
    await expect(run(instance, addSubRows(50))).rejects.toMatchObject({
      fault: "device",
      message: "device u50-emulated-0: died at a kernel call, as told",
    });
  });

  it("is started anew by the next call, for every instance on it", async () => {
    const [one, other] = [await load(), await load()];
    misbehave({ die: "exit" });
    await expect(run(one, addSubRows(50))).rejects.toMatchObject({ fault: "device" });
    await expect(run(other, addSubRows(50))).rejects.toMatchObject({ fault: "device" });
    misbehave({});
    expect(await run(other, addSubRows(50))).toEqual(rightly);
    expect(await run(one, addSubRows(50))).toEqual(rightly);
  });

  it("is the only one of two that does, where the fault names it", async () => {
    const [first, second] = [await load(0), await load(1)];
    misbehave({ die: "exit", boards: [1] });
    expect(await run(first, addSubRows(50))).toEqual(rightly);
    await expect(run(second, addSubRows(50))).rejects.toMatchObject({ fault: "device" });
    expect(await run(first, addSubRows(50))).toEqual(rightly);
  });
});

describe.skipIf(missing)(
  `a board in a worker${missing ? `: ${missing}` : ""}`,
  { timeout: 120_000 },
  () => {
    let fleet: Fleet;
    beforeEach(() => {
      fleet = createFleet({
        hostEntry: join(packageRoot, "dist/src/workers/host.js"),
        clock: systemClock,
        log: silent,
        heartbeatMs: 50,
        executionTimeoutMs: 4_000,
        backends: [{ kind: "xilinx-u50", options }],
      });
    });
    afterEach(() => fleet.close());

    const load = () =>
      fleet.load(
        { backendKind: "xilinx-u50", variant, options: {}, device: "u50-emulated-1" },
        signal,
      );

    /** One row; 7 + 5 in every element. */
    async function sum(instance: Instance): Promise<number | undefined> {
      const byteLength = 4 * ELEMENTS;
      const room = instance.room(4 * byteLength);
      if (room === undefined) throw new Error("no room");
      try {
        room.bytes.set(new Uint8Array(new Int32Array(ELEMENTS).fill(7).buffer), 0);
        room.bytes.set(new Uint8Array(new Int32Array(ELEMENTS).fill(5).buffer), byteLength);
        const { outputs } = await instance.run({
          room,
          inputs: [0, 1].map((index) => ({
            ...{ index, shape: [1, ELEMENTS], offset: index * byteLength, byteLength },
          })),
          outputOffset: 2 * byteLength,
          outputs: [0],
          memberRows: [1],
        });
        return Buffer.from(outputs[0]?.data ?? []).readInt32LE(0);
      } finally {
        room.release();
      }
    }

    it.each<[string, Faults]>([
      ["dies of a signal: XRT kills the worker's process group and nobody else", { die: "kill" }],
      [
        "never finishes: the worker is killed after the execution's time limit",
        { neverDone: true },
      ],
    ])("%s; after that it serves again", async (_, faults) => {
      const instance = await load();
      expect(await sum(instance)).toBe(12);
      const worker = instance.workerPid;
      misbehave(faults);
      await expect(sum(instance)).rejects.toThrow();
      misbehave({});
      expect(await eventually(() => !isAlive(worker), 30_000)).toBeDefined();
      expect(await eventually(() => instance.ready, 60_000)).toBeDefined();
      expect(instance.workerPid).not.toBe(worker);
      expect(await sum(instance)).toBe(12);
    });

    it("leaves no private folder and no process behind", async () => {
      const instance = await load();
      const mine = () =>
        readdirSync("/tmp").filter((name) => name.includes(`-${instance.workerPid}-`));
      const before = mine();
      expect(before).toHaveLength(1);
      await fleet.close();
      expect(readdirSync("/tmp").filter((name) => before.includes(name))).toEqual([]);
    });
  },
);
