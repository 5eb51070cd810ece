import { describe, expect, it } from "vitest";
import type { ArtifactManifest, KernelArgument, KernelManifest } from "../../contract.ts";
import { layoutOf } from "../fixed-point/layout.ts";
import { travelsAsItIs, wireKernel } from "./wiring.ts";

const ARGUMENTS: readonly KernelArgument[] = [
  { index: 1, role: "output", tensor: "score" },
  { index: 0, role: "input", tensor: "jets" },
  { index: 2, role: "rows" },
];

function manifest(
  kernel: Partial<KernelManifest> = {},
  rest: Partial<ArtifactManifest> = {},
): ArtifactManifest {
  return {
    ...{ manifest: 1, backend: "b", vendor: "v", numericClass: "n" },
    artifact: { file: "f", format: "cl", platform: "p" },
    inputs: [{ name: "jets", datatype: "INT16", shape: [16] }],
    outputs: [{ name: "score", datatype: "INT16", shape: [] }],
    kernel: { name: "net", computeUnits: [], arguments: ARGUMENTS, ...kernel },
    ...rest,
  };
}

describe("a kernel of a manifest", () => {
  it("is wired by tensor, whatever the order of the arguments", () => {
    const { inputs, outputs, rowsArgument, buffersPerUnit } = wireKernel(manifest());
    expect(inputs).toMatchObject([{ argument: 0, layout: { rowBytes: 32 } }]);
    expect(outputs).toMatchObject([{ argument: 1, layout: { rowBytes: 2 } }]);
    expect(rowsArgument).toBe(2);
    expect(buffersPerUnit).toBe(2);
  });

  it("is one unnamed compute unit, or is picked as XRT or as others do", () => {
    expect(wireKernel(manifest()).unitNames).toEqual(["net"]);
    const two = manifest({ computeUnits: ["net_1", "net_2"] });
    expect(wireKernel(two).unitNames).toEqual(["net:{net_1}", "net:{net_2}"]);
    expect(wireKernel(two, "functions").unitNames).toEqual(["net_1", "net_2"]);
  });

  it("keeps a bank per compute unit", () => {
    const [input, output] = [
      { index: 0, role: "input", tensor: "jets", banks: [0, 2] },
      { index: 1, role: "output", tensor: "score", banks: [1, 3] },
    ] as const;
    const wiring = wireKernel(
      manifest({ computeUnits: ["a", "b"], rowsPerCall: 8, arguments: [input, output] }),
    );
    expect(wiring.inputs[0]?.banks).toEqual([0, 2]);
    expect(wiring.outputs[0]?.banks).toEqual([1, 3]);
  });

  const [output, input, rows] = ARGUMENTS as [KernelArgument, KernelArgument, KernelArgument];
  it.each([
    ["no kernel", manifest({}, { kernel: undefined as never }), '"kernel" is missing'],
    ["a gap", manifest({ arguments: [input, { ...output, index: 3 }, rows] }), "numbered 0, 2, 3"],
    ["a number twice", manifest({ arguments: [input, { ...output, index: 0 }, rows] }), "0, 0, 2"],
    [
      "no argument",
      manifest({ arguments: [input, { ...rows, index: 1 }] }),
      'no argument for output "score"',
    ],
    [
      "two arguments",
      manifest({ arguments: [...ARGUMENTS, { ...input, index: 3 }] }),
      '2 arguments for input "jets"',
    ],
    [
      "a tensor that is not there",
      manifest({ arguments: [...ARGUMENTS, { index: 3, role: "input", tensor: "tracks" }] }),
      "names no tensor",
    ],
    [
      "two for the rows",
      manifest({ arguments: [...ARGUMENTS, { index: 3, role: "rows" }] }),
      "two arguments take the rows",
    ],
    ["no word of rows", manifest({ arguments: [input, output] }), 'neither "rowsPerCall" nor'],
    ["half a row", manifest({ rowsPerCall: 0.5 }), "rowsPerCall 0.5"],
    ["no buffers", manifest({ buffersPerUnit: 0 }), "buffersPerUnit 0"],
    ["a unit twice", manifest({ computeUnits: ["a", "a"] }), "named twice"],
    [
      "a bank too few",
      manifest({
        computeUnits: ["a", "b"],
        arguments: [{ ...input, banks: [0] } as KernelArgument, output, rows],
      }),
      "1 banks for 2 compute units",
    ],
    ["no outputs", manifest({}, { outputs: [] }), "no outputs"],
    [
      "an open axis",
      manifest({}, { inputs: [{ name: "jets", datatype: "INT16", shape: [-1] }] }),
      "jets",
    ],
  ])("with %s is refused", (_, wrong, reason) => {
    expect(() => wireKernel(wrong)).toThrow(reason);
    expect(() => wireKernel(wrong)).toThrow(expect.objectContaining({ fault: "artifact" }));
  });

  it("without a manifest is refused, telling where it belongs", () => {
    expect(() => wireKernel(undefined)).toThrow("manifest.json beside the artifact");
  });
});

describe("rows travel as they are", () => {
  const encoding = { w: 16, i: 6, signed: true, q: "TRN", o: "WRAP" } as const;
  it.each([
    ["plain numbers", { datatype: "FP32" }, true],
    ["plain numbers with padding", { datatype: "FP32", rowBytes: 64 }, false],
    ["raw integers that fill their words", { datatype: "INT16", encoding }, true],
    ["raw integers in wider words", { datatype: "INT16", encoding, storageBits: 32 }, false],
    ["raw integers of fewer bits", { datatype: "INT16", encoding: { ...encoding, w: 15 } }, false],
    ["numbers to be quantised", { datatype: "FP16", encoding }, false],
  ] as const)("%s: %j", (_, tensor, expected) => {
    expect(travelsAsItIs(layoutOf({ name: "x", shape: [3], ...tensor }))).toBe(expected);
  });
});
