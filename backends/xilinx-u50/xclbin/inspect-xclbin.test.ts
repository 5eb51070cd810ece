import { describe, expect, it } from "vitest";
import { KINDS, makeXclbin, type XclbinParts } from "../../../test/support/make-xclbin.ts";
import { scratchFile } from "../../../test/support/scratch-file.ts";
import type { ArtifactManifest, KernelManifest } from "../../contract.ts";
import { inspectXclbin } from "./inspect-xclbin.ts";
import { samePlatform } from "./platform.ts";

const written = scratchFile("made.xclbin");
const BOARD = "xilinx_u50_gen3x16_xdma_base_5";

const KERNEL: KernelManifest = {
  name: "jet_tagger",
  computeUnits: ["jet_tagger_1", "jet_tagger_2"],
  arguments: [
    { index: 0, role: "input", tensor: "jets", banks: [0, 2] },
    { index: 1, role: "output", tensor: "scores", banks: [1, 3] },
    { index: 2, role: "rows" },
  ],
};

function manifest(kernel: Partial<KernelManifest> | undefined, platform = BOARD): ArtifactManifest {
  return {
    manifest: 1,
    backend: "xilinx-u50",
    vendor: "amd",
    artifact: { file: "made.xclbin", format: "xclbin", platform },
    numericClass: "ap_fixed<16,6>",
    inputs: [{ name: "jets", datatype: "FP32", shape: [16] }],
    outputs: [{ name: "scores", datatype: "FP32", shape: [5] }],
    ...(kernel === undefined ? {} : { kernel: { ...KERNEL, ...kernel } }),
  };
}

const inspect = (
  given?: ArtifactManifest,
  { format = "xclbin", platform = "", ...parts }: XclbinParts & { format?: string } = {},
) =>
  inspectXclbin({
    digest: "",
    path: written(makeXclbin(parts)),
    format,
    platform,
    ...(given === undefined ? {} : { manifest: given }),
  });

describe("an image with its manifest", () => {
  const input = { index: 0, role: "input", tensor: "jets" } as const;
  const output = { index: 1, role: "output", tensor: "scores" } as const;
  const rows = { index: 2, role: "rows" } as const;

  it("has the tensors of the manifest, rows first, and the platform that was asked for", async () => {
    const facts = await inspect(manifest({}), { platform: BOARD });
    expect(facts).toMatchObject({
      platform: BOARD,
      batchable: true,
      inputs: [{ name: "jets", datatype: "FP32", shape: [-1, 16] }],
      outputs: [{ name: "scores", datatype: "FP32", shape: [-1, 5] }],
      details: {
        container: "xclbin",
        computeUnits: [
          { name: "jet_tagger:jet_tagger_1", banks: { in: [0], out: [1] } },
          { name: "jet_tagger:jet_tagger_2", banks: { in: [2], out: [3] } },
        ],
      },
    });
    expect(() => JSON.stringify(facts)).not.toThrow();
  });

  it("may leave out units and banks", async () => {
    const given = manifest({ computeUnits: [], arguments: [input, output, rows] });
    await expect(inspect(given)).resolves.toMatchObject({ batchable: true });
  });

  it.each<[string, Partial<KernelManifest>, RegExp]>([
    ["another kernel", { name: "tau" }, /manifest\.json: kernel 'tau', expected 'jet_tagger'/],
    [
      "a unit that is not there",
      { computeUnits: ["jet_tagger_7"] },
      /compute unit 'jet_tagger_7', expected one of 'jet_tagger_1', 'jet_tagger_2'/,
    ],
    [
      "a unit twice",
      { computeUnits: ["jet_tagger_1", "jet_tagger_1"] },
      /compute unit 'jet_tagger_1' is listed twice/,
    ],
    ["too few arguments", { arguments: [input, output] }, /2 arguments, expected 3/],
    [
      "an argument twice",
      { arguments: [input, { ...output, index: 0 }, rows] },
      /argument 0 is listed twice/,
    ],
    [
      "an argument beyond the last",
      { arguments: [input, output, { ...rows, index: 3 }] },
      /argument 3, expected 0 to 2/,
    ],
    [
      "a scalar for a tensor",
      { arguments: [{ ...input, index: 2 }, output, { ...rows, index: 0 }] },
      /argument 2 'n': role input, expected of a buffer: in the artifact it is a scalar/,
    ],
    [
      "a tensor that nobody declared",
      { arguments: [input, { ...output, tensor: "other" }, rows] },
      /0 arguments for output 'scores', expected 1/,
    ],
    [
      "banks for one unit of two",
      { arguments: [{ ...input, banks: [0] }, output, rows] },
      /argument 0 'in': 1 banks, expected 2, one for each compute unit/,
    ],
    [
      "a bank that the unit does not reach",
      { arguments: [input, { ...output, banks: [1, 1] }, rows] },
      /argument 1 'out': bank 1 for compute unit 'jet_tagger_2', expected 3 as it is wired/,
    ],
    ["no rows in a call", { rowsPerCall: 0 }, /rowsPerCall 0, expected a whole number from 1 on/],
  ])("is refused for %s", async (_what, kernel, reason) => {
    await expect(inspect(manifest(kernel))).rejects.toThrow(reason);
    await expect(inspect(manifest(kernel))).rejects.toThrow(/correct manifest\.json/);
  });

  it("is refused without a kernel", async () => {
    await expect(inspect(manifest(undefined))).rejects.toThrow(/manifest\.json: no kernel/);
  });

  it("is refused when its image lacks a table that XRT needs", async () => {
    const without = { sections: { [KINDS.IP_LAYOUT]: undefined, [KINDS.CONNECTIVITY]: undefined } };
    await expect(inspect(manifest({}), without)).rejects.toThrow(/no IP_LAYOUT section/);
  });
});

describe("an image and the platform it is for", () => {
  it("is refused on another, whoever names it", async () => {
    const other = "xilinx_u55c_gen3x16_xdma_base_3";
    const reason = `linked for platform 'xilinx_u50_gen3x16_xdma_5_202210_1', expected '${other}'`;
    await expect(inspect(undefined, { platform: other })).rejects.toThrow(reason);
    await expect(inspect(manifest({}, other))).rejects.toThrow(reason);
  });

  it("is refused without an image, or without the id of one on AWS", async () => {
    const empty = { sections: { [KINDS.BITSTREAM]: undefined } };
    await expect(inspect(undefined, empty)).rejects.toThrow(/no BITSTREAM section/);
    await expect(inspect(undefined, { format: "awsxclbin" })).rejects.toThrow(/no AFI id/);
  });

  it.each([
    ["xilinx_u50_gen3x16_xdma_base_5", "xilinx_u50_gen3x16_xdma_5_202210_1", true],
    ["xilinx_u50_gen3x4_xdma_base_2", "xilinx_u50_gen3x4_xdma_2_202010_1", true],
    ["xilinx_u50_xdma_201920_1", "xilinx_u50_xdma_201920_1", true],
    ["xilinx_u50_xdma_201920_1", "xilinx_u50_xdma_201920_3", false],
    ["xilinx_u50_gen3x16_xdma_base_5", "xilinx_u50_gen3x16_xdma_base_4", false],
    ["xilinx_u50_gen3x16_xdma_base_5", "xilinx_u250_gen3x16_xdma_base_5", false],
  ])("%s and %s: the same is %s", (one, other, same) => {
    expect(samePlatform(one, other)).toBe(same);
  });
});
