import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import type { Stretch } from "../../test/support/mutate-binary.ts";
import { surviveMutants } from "../../test/support/survive-mutants.ts";
import { BackendError } from "../contract.ts";
import { inspectXilinx } from "./artifact.ts";

const real = join(packageRoot, "..", "shared", "artifacts");
const OPTIMIZATION = "aws_f1.optimization_lab.awsxclbin";
const VISION = "aws_f1.vision.awsxclbin";
const YOLO = "u50_yolov3_adas_pruned_0_9.xmodel";
const present = (name: string) => existsSync(join(real, name));
const F1 = "xilinx_aws-vu9p-f1_shell-v04261818_201920_2";

const inspect = (name: string, platform = "") =>
  inspectXilinx({
    digest: "",
    path: join(real, name),
    format: name.endsWith(".xmodel") ? "xmodel" : "awsxclbin",
    platform,
  });

describe("images that v++ linked for AWS F1 (../shared/artifacts, else skipped)", () => {
  it.skipIf(!present(OPTIMIZATION))(
    "gives UUID, AFI, kernel, wiring, clocks and tools",
    async () => {
      const { platform, inputs, details } = await inspect(OPTIMIZATION);
      expect(platform).toBe(F1);
      expect(inputs).toBeUndefined();
      expect(details).toMatchObject({
        container: "awsxclbin",
        uuid: "f4e5382c-2706-3628-2fc1-434f6f9554d7",
        afi: "agfi-0b8f600efd81ed4d8",
        bitstreamBytes: 22,
        target: "hw",
        version: "2.11.0",
        createdAt: "2021-08-03T02:13:54.000Z",
        fpga: "virtexuplus:xcvu9p:flgb2104:-2:i",
        build: { linkedBy: "v++ 2021.1", packagedBy: "xclbinutil 2.11.0" },
        computeUnits: [
          {
            name: "krnl_idct:krnl_idct_1",
            baseAddress: "0x20000",
            banks: { block_r: [0], q: [0], voutp: [1] },
          },
        ],
      });
      expect(details?.["kernels"]).toMatchObject([
        {
          name: "krnl_idct",
          controlBytes: 4096,
          arguments: [
            { name: "block_r", kind: "global", type: "void*", sizeBytes: 8, offset: 0x10 },
            { name: "q", kind: "global", offset: 0x1c },
            { name: "voutp", kind: "global", offset: 0x28 },
            { name: "ignore_dc", kind: "scalar", type: "unsigned int", sizeBytes: 4, offset: 0x34 },
            { name: "blocks", kind: "scalar", offset: 0x3c },
          ],
        },
      ]);
      expect(details?.["banks"]).toHaveLength(7);
      expect(details?.["banks"]).toContainEqual({
        index: 0,
        type: "DDR4",
        used: true,
        sizeKiB: 16 * 1024 * 1024,
        baseAddress: "0x800000000",
        tag: "bank0",
      });
      expect(details?.["clocks"]).toContainEqual({ name: "DATA_CLK", type: "data", mhz: 250 });
    },
  );

  it.skipIf(!present(VISION))(
    "finds both kernels of an image with half a megabyte of XML",
    async () => {
      const { details } = await inspect(VISION);
      expect(details).toMatchObject({
        uuid: "08137396-90f8-ad57-064a-12e589d89cb3",
        afi: "agfi-0212dc439b22e9889",
        kernels: [
          { name: "resize_blur_rgb", arguments: { length: 7 } },
          { name: "resize_accel_rgb", arguments: { length: 6 } },
        ],
        computeUnits: [
          { name: "resize_accel_rgb:resize_accel_rgb_1", banks: { image_in: [1], image_out: [1] } },
          { name: "resize_blur_rgb:resize_blur_rgb_1", banks: { image_in: [1], image_out: [1] } },
        ],
      });
    },
  );

  it.skipIf(!present(VISION))("refuses to serve one on a U50", async () => {
    await expect(inspect(VISION, "xilinx_u50_gen3x16_xdma_base_5")).rejects.toThrow(
      `linked for platform '${F1}', expected 'xilinx_u50_gen3x16_xdma_base_5'`,
    );
  });
});

describe("a model for the DPU of a U50 (../shared/artifacts, else skipped)", () => {
  it.skipIf(!present(YOLO))("gives tensors, fixed batch, DPU and fingerprint", async () => {
    const facts = await inspect(YOLO);
    expect(facts).toMatchObject({
      platform: "DPUv3e B4096",
      batchable: false,
      fixedBatchSize: 1,
      inputs: [{ name: "data_fixed(float2fix)(fix)", datatype: "INT8", shape: [1, 256, 512, 3] }],
      outputs: [
        { name: "layer81-conv_fixed_(fix2float)", datatype: "FP32", shape: [1, 8, 16, 40] },
        { name: "layer93-conv_fixed_(fix2float)", datatype: "FP32", shape: [1, 16, 32, 40] },
        { name: "layer105-conv_fixed_(fix2float)", datatype: "FP32", shape: [1, 32, 64, 40] },
        { name: "layer117-conv_fixed_(fix2float)", datatype: "FP32", shape: [1, 64, 128, 40] },
      ],
      details: {
        graph: "deploy",
        dpu: { name: "DPUv3e B4096", fingerprint: "0x40000" },
        origin: "caffe",
        tools: { "xcompiler:1.1.0": "f91415b96df895071b4bf4e9eaf657432bd86d35" },
        inputs: [{ fixPoint: 7, bitWidth: 8 }],
      },
    });
    expect(facts.details?.["subgraphs"]).toMatchObject([
      { device: "USER" },
      { device: "DPU", inputs: ["data(fix)"] },
      { device: "CPU" },
      { device: "CPU" },
      { device: "CPU" },
      { device: "CPU" },
    ]);
  });

  it.skipIf(!present(YOLO))(
    "takes the fingerprint for the platform, and no other DPU",
    async () => {
      await expect(inspect(YOLO, "0x40000")).resolves.toMatchObject({ platform: "0x40000" });
      await expect(inspect(YOLO, "DPUCAHX8H_ISA2")).rejects.toThrow(
        "compiled for DPU 'DPUv3e B4096' with fingerprint 0x40000, expected 'DPUCAHX8H_ISA2'",
      );
    },
  );
});

describe("what is no artifact for these cards", () => {
  it("refuses other formats, missing files and folders with the reason", async () => {
    const given = { digest: "", platform: "any" };
    await expect(inspectXilinx({ ...given, path: real, format: "aocx" })).rejects.toThrow(
      /format 'aocx', expected xclbin, awsxclbin or xmodel/,
    );
    const missing = inspectXilinx({ ...given, path: join(real, "none"), format: "xclbin" });
    await expect(missing).rejects.toThrow(/cannot serve the xclbin file.*ENOENT/);
    await expect(
      inspectXilinx({ ...given, path: packageRoot, format: "xmodel" }),
    ).rejects.toBeInstanceOf(BackendError);
  });
});

describe("1000 mutants of each real file (../shared/artifacts, else skipped)", () => {
  const files: [string, number, Stretch[]][] = [
    // Head and section table; tables; XML and JSON.
    [
      OPTIMIZATION,
      1,
      [
        [0, 896],
        [1912, 3034],
        [3040, 15785],
        [23304, 23672],
      ],
    ],
    [
      VISION,
      10_001,
      [
        [0, 856],
        [2160, 3378],
        [3384, 14000],
        [483_000, 484_112],
      ],
    ],
    // Operators; the beginning and the end of the subgraphs.
    [
      YOLO,
      20_001,
      [
        [0, 70_000],
        [70_000, 86_500],
        [3_195_000, 3_202_602],
      ],
    ],
  ];
  it.skipIf(!present(YOLO)).each(files)(
    "%s: refused as artifacts, or read, each within 100 ms",
    { timeout: 300_000 },
    async (name, seed, hot) => {
      const bytes = readFileSync(join(real, name));
      const format = name.endsWith(".xmodel") ? "xmodel" : "awsxclbin";
      const inspectMutant = (path: string) =>
        inspectXilinx({ digest: "", path, format, platform: "any" });
      const tally = await surviveMutants({
        bytes,
        seed,
        mutants: 1000,
        hot,
        limitMs: 100,
        inspect: inspectMutant,
      });
      expect(tally.failures).toEqual([]);
      expect(tally.refused).toBeGreaterThan(200);
      expect(tally.read).toBeGreaterThan(20);
      expect(tally.grownMiB).toBeLessThan(400);
    },
  );
});
