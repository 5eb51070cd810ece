import { describe, expect, it } from "vitest";
import { field, message } from "../../../test/support/make-protobuf.ts";
import {
  makeXmodel,
  NAMES,
  operator,
  subgraph,
  type XmodelParts,
} from "../../../test/support/make-xmodel.ts";
import { scratchFile } from "../../../test/support/scratch-file.ts";
import type { ArtifactManifest, ManifestTensor } from "../../contract.ts";
import { inspectXmodel } from "./inspect-xmodel.ts";

const written = scratchFile("made.xmodel");
const inspectBytes = (bytes: Uint8Array, platform = "", manifest?: ArtifactManifest) =>
  inspectXmodel({
    digest: "",
    path: written(bytes),
    format: "xmodel",
    platform,
    ...(manifest === undefined ? {} : { manifest }),
  });
const inspect = (parts: XmodelParts) => inspectBytes(makeXmodel(parts));

describe("a graph for a DPU", () => {
  it("gives tensors, batch, DPU and what runs where", async () => {
    expect(await inspectBytes(makeXmodel())).toMatchObject({
      platform: "DPUCAHX8H_ISA2",
      batchable: false,
      fixedBatchSize: 4,
      inputs: [{ name: NAMES.input, datatype: "INT8", shape: [4, 8, 8, 3] }],
      outputs: [{ name: NAMES.output, datatype: "FP32", shape: [4, 10] }],
      details: {
        graph: "made",
        dpu: { name: "DPUCAHX8H_ISA2", fingerprint: "0x20200000000002a" },
        operators: 4,
        subgraphs: [{ device: "USER" }, { device: "DPU" }, { device: "CPU" }],
        inputs: [{ fixPoint: 6, bitWidth: 8 }],
      },
    });
  });

  it("goes by its fingerprint where its DPU has no name", async () => {
    const facts = await inspect({ subgraphs: [subgraph("d", "DPU", 0x1fn)] });
    expect(facts.platform).toBe("0x1f");
  });

  it("states no tensors where elements are of a kind that nobody knows", async () => {
    const odd = { name: "x", shape: [1, 2], kind: 9, elementBits: 8 };
    const facts = await inspect({
      operators: [operator("x", "data", [], odd), operator("y", "relu", ["x"], odd)],
    });
    expect(facts.inputs).toBeUndefined();
    expect(facts.details?.["inputs"]).toEqual([{ name: "x", shape: [1, 2] }]);
  });

  const x = { name: "x", shape: [1, 2] };
  const data = operator("x", "data", [], x);
  it.each<[string, XmodelParts, RegExp]>([
    ["no operators", { operators: [] }, /it has no operators/],
    ["nothing for a DPU", { subgraphs: [subgraph("c", "CPU")] }, /no subgraph for device DPU/],
    ["no fingerprint", { subgraphs: [subgraph("d", "DPU")] }, /'d' has no dpu_fingerprint/],
    [
      "two DPUs",
      { subgraphs: [subgraph("d", "DPU", 1n), subgraph("e", "DPU", 2n)] },
      /'e' is for the DPU 0x2, expected 0x1 as before/,
    ],
    ["no input", { operators: [operator("y", "relu", [], x)] }, /the graph has no input/],
    ["no output", { operators: [data] }, /the graph has no output/],
    [
      "an input without tensor",
      { operators: [operator("x", "data", []), operator("y", "relu", ["x"], x)] },
      /input operator 'x' has no tensor/,
    ],
    [
      "a length of 0",
      { operators: [data, operator("y", "relu", ["x"], { name: "y", shape: [1, 0] })] },
      /output 'y' has shape \[1, 0\], expected lengths from 1 on/,
    ],
    [
      "two names alike",
      { operators: [data, operator("x2", "data", [], x), operator("y", "add", ["x", "x2"], x)] },
      /two inputs are named 'x'/,
    ],
    [
      "two batch sizes",
      { operators: [data, operator("y", "relu", ["x"], { name: "y", shape: [3, 2] })] },
      /tensor 'y' has 3 rows where the first has 1/,
    ],
    [
      "17 axes",
      { operators: [operator("x", "data", [], { name: "x", shape: Array(17).fill(1) })] },
      /more than 16 numbers in a list/,
    ],
  ])("with %s is refused", async (_what, parts, reason) => {
    await expect(inspect(parts)).rejects.toThrow(reason);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["without a root", message(field(1, "g"), operator("x", "data", [])), /no root subgraph/],
    ["that is text", Buffer.from("name: 'x'\n"), /it is no XIR graph, or it is truncated/],
    ["that is cut off", makeXmodel().subarray(0, 30_000), /it is no XIR graph, or it is truncated/],
    ["that is empty", Buffer.alloc(0), /the file is empty/],
  ])("%s is refused", async (_what, bytes, reason) => {
    await expect(inspectBytes(bytes)).rejects.toThrow(reason);
  });
});

describe("a graph with its manifest", () => {
  const input: ManifestTensor = {
    name: NAMES.input,
    datatype: "FP32",
    shape: [8, 8, 3],
    encoding: { w: 8, i: 2, signed: true, q: "RND", o: "SAT" },
  };
  const output: ManifestTensor = { name: NAMES.output, datatype: "FP32", shape: [10] };
  const manifest = (changes: Partial<ArtifactManifest>): ArtifactManifest => ({
    manifest: 1,
    backend: "xilinx-u50",
    vendor: "amd",
    artifact: { file: "made.xmodel", format: "xmodel", platform: "DPUCAHX8H_ISA2" },
    numericClass: "dpu-int8",
    inputs: [input],
    outputs: [output],
    ...changes,
  });

  it("agrees with it in names, shapes, datatypes and binary points", async () => {
    await expect(inspectBytes(makeXmodel(), "", manifest({}))).resolves.toMatchObject({
      fixedBatchSize: 4,
    });
  });

  it.each<[string, Partial<ArtifactManifest>, RegExp]>([
    [
      "another DPU",
      { artifact: { file: "", format: "xmodel", platform: "other" } },
      /compiled for DPU 'DPUCAHX8H_ISA2'.*expected 'other'/,
    ],
    [
      "a kernel",
      { kernel: { name: "k", computeUnits: [], arguments: [] } },
      /manifest\.json: a kernel, expected none/,
    ],
    ["a tensor too many", { outputs: [output, output] }, /2 outputs, expected 1 as the graph has/],
    ["another name", { inputs: [{ ...input, name: "z" }] }, /input 'z', expected 'x_fixed'/],
    [
      "the batch axis in a shape",
      { outputs: [{ ...output, shape: [4, 10] }] },
      /shape \[4, 10\], expected \[10\] behind the batch axis/,
    ],
    [
      "another datatype",
      { outputs: [{ ...output, datatype: "INT8" }] },
      /datatype INT8, expected FP32/,
    ],
    [
      "another binary point",
      { inputs: [{ ...input, encoding: { w: 8, i: 1, signed: true, q: "RND", o: "SAT" } }] },
      /w 8 and i 1, expected w 8 and i 2/,
    ],
    [
      "an encoding of a float",
      { outputs: [{ ...output, encoding: { w: 8, i: 2, signed: true, q: "RND", o: "SAT" } }] },
      /the tensor has no fixed point/,
    ],
  ])("is refused for %s", async (_what, changes, reason) => {
    await expect(inspectBytes(makeXmodel(), "", manifest(changes))).rejects.toThrow(reason);
  });
});
