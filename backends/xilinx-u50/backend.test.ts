/** The backend on emulated boards, through the real XRT. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { backendConformance } from "../conformance.ts";
import type { Backend, Device, ModelInstance, ModelVariant } from "../contract.ts";
import { xilinxU50 } from "./backend.ts";
import { addSubRows, addSubVariant } from "./testing/add-sub.ts";
import { missingXrt, plain, run, signal } from "./testing/boards.ts";

const missing = missingXrt();
const BOARDS = 3;
const options = { emulated: { boards: BOARDS } };
const folder = mkdtempSync(join(tmpdir(), "beamgate-xilinx-u50-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function backend(): Promise<Backend> {
  const created = await xilinxU50.create(options, { log() {} });
  cleanUps.push(() => created.close());
  return created;
}

async function load(on: Backend, variant: ModelVariant, board = 0): Promise<ModelInstance> {
  const device = (await on.devices())[board] as Device;
  const instance = await on.load(variant, device, {}, signal);
  cleanUps.push(() => instance.unload());
  return instance;
}

const rightly = (rows: number, seed?: number) => addSubRows(rows, seed).outputs.map(plain);

describe.skipIf(missing)(`emulated U50 boards under XRT${missing ? `: ${missing}` : ""}`, () => {
  describe("the contract of a backend", () => {
    const batched = addSubVariant(folder);
    const wide = addSubRows(3).inputs.map((tensor) => ({ ...tensor, shape: [6, 8] }));
    const [first, second] = batched.outputs;
    backendConformance({
      module: xilinxU50,
      options,
      batched: { variant: batched, ...addSubRows(5) },
      unbatched: {
        variant: addSubVariant(folder, { name: "single", maxBatchSize: 0 }),
        ...addSubRows(1, 3, false),
      },
      misfit: wide,
      unservable: {
        ...batched,
        outputs: [{ ...first, datatype: "FP32" }, second] as ModelVariant["outputs"],
      },
    });
  });

  it("shows as many boards as were asked for, and that they are emulated", async () => {
    expect(await (await backend()).devices()).toEqual(
      Array.from({ length: BOARDS }, (_, i) => ({
        id: `u50-emulated-${i}`,
        vendor: "xilinx",
        platform: "xilinx_u50_gen3x16_xdma_base_5",
        description: "Alveo U50",
        memoryBytes: 8 * 2 ** 30,
        emulated: true,
        reconfigurable: true,
      })),
    );
  });

  it("runs one image on several boards at once", async () => {
    const on = await backend();
    const variant = addSubVariant(folder);
    const instances = [0, 1, 2].map((board) => load(on, variant, board));
    for (let round = 1; round <= 3; round++) {
      const runs = instances.map(async (instance, i) =>
        expect(await run(await instance, addSubRows(100, round + i))).toEqual(
          rightly(100, round + i),
        ),
      );
      await Promise.all(runs);
    }
  });

  it("runs another image on each board", async () => {
    const on = await backend();
    const one = await load(on, addSubVariant(folder, { name: "one" }), 0);
    const other = await load(on, addSubVariant(folder, { name: "other", units: 1 }), 1);
    expect(await run(one, addSubRows(9))).toEqual(rightly(9));
    expect(await run(other, addSubRows(9, 2))).toEqual(rightly(9, 2));
  });

  it("switches a board to another image once the first is unloaded, and back", async () => {
    const on = await backend();
    const [device] = await on.devices();
    for (const name of ["first", "second", "first"]) {
      const variant = addSubVariant(folder, { name });
      const instance = await on.load(variant, device as Device, {}, signal);
      expect(await run(instance, addSubRows(20))).toEqual(rightly(20));
      await instance.unload();
    }
  });

  it("refuses a second image while the first is in use, and the first goes on", async () => {
    const on = await backend();
    const instance = await load(on, addSubVariant(folder, { name: "first" }));
    await expect(load(on, addSubVariant(folder, { name: "second" }))).rejects.toMatchObject({
      fault: "exhausted",
    });
    expect(await run(instance, addSubRows(20))).toEqual(rightly(20));
  });

  it.each([1, 63, 64, 65, 200, 1000])(
    "pads %i rows for a kernel of 64 rows a call",
    async (rows) => {
      const fixed = addSubVariant(folder, { name: "fixed", units: 4, rowsPerCall: 64 });
      const instance = await load(await backend(), fixed);
      expect(await run(instance, addSubRows(rows))).toEqual(rightly(rows));
    },
  );

  it("refuses images for another shell with fault `artifact`", async () => {
    const platform = "xilinx_u50_gen3x16_xdma_201920_3";
    const foreign = addSubVariant(folder, { name: "foreign", platform });
    await expect(load(await backend(), foreign)).rejects.toMatchObject({
      fault: "artifact",
      message: expect.stringContaining(platform),
    });
  });

  it("ends a call with fault `device` where the host was told the wrong bank, and says which", async () => {
    const links = [0, 1, 2, 3].map((argument) => ({
      argument,
      unit: 0,
      bank: argument === 2 ? 7 : argument % 2,
    }));
    const variant = addSubVariant(folder, { name: "crossed", units: 1, links });
    const told = { ...variant.artifact.manifest?.kernel, arguments: banksGone(variant) };
    const manifest = { ...variant.artifact.manifest, kernel: told };
    const artifact = { ...variant.artifact, manifest } as ModelVariant["artifact"];
    const instance = await load(await backend(), { ...variant, artifact });
    await expect(run(instance, addSubRows(5))).rejects.toMatchObject({
      fault: "device",
      message: expect.stringContaining("argument 2 points to HBM[7], its port is wired to HBM[0]"),
    });
  });

  it("never shows XRT a file that is cut off", async () => {
    const variant = addSubVariant(folder, { name: "cut" });
    const { readFileSync } = await import("node:fs");
    const bytes = readFileSync(variant.artifact.path);
    const on = await backend();
    for (const length of [1, 455, 456, 1000, bytes.length - 1]) {
      writeFileSync(variant.artifact.path, bytes.subarray(0, length));
      await expect(load(on, variant)).rejects.toMatchObject({ fault: "artifact" });
    }
  });
});

/** A manifest that leaves the choice of banks to XRT. */
function banksGone({ artifact }: ModelVariant) {
  return artifact.manifest?.kernel?.arguments.map((argument) =>
    argument.role === "rows" ? argument : { ...argument, banks: undefined },
  );
}
