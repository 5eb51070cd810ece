import { describe, expect, it } from "vitest";
import type { ArtifactFacts } from "../../backends/contract.ts";
import { completeBackend, completeDefaults, completeTensors } from "./complete.ts";
import type { InspectingModule } from "./modules.ts";

const inspect = async () => ({ platform: "any" });
const modules: readonly InspectingModule[] = [
  { kind: "arm-cpu", platforms: ["onnxruntime"], formats: { onnx: "model.onnx" }, inspect },
  { kind: "u50", platforms: ["xilinx"], formats: { xclbin: "kernel.xclbin" }, inspect },
];

describe("finding the backend of a model", () => {
  const onnx = { platform: "onnxruntime_onnx", backend: "onnxruntime" };
  it.each([
    ["a platform", { platform: "onnxruntime_onnx" }, [], onnx],
    ["a backend", { backend: "onnxruntime" }, [], onnx],
    ["a file name", { default_model_filename: "model.onnx" }, [], onnx],
    ["the file in the version folder", {}, ["model.onnx"], onnx],
    ["the file of another backend here", {}, ["kernel.xclbin"], { backend: "xilinx" }],
    ["a file that only Triton serves", {}, ["model.pt"], { backend: "pytorch" }],
    ["a backend of its own", { backend: "mine" }, ["model.onnx"], { backend: "mine" }],
  ])("takes %s", (_, config, files, expected) => {
    expect(completeBackend(config, "m", files, modules)).toMatchObject({ name: "m", ...expected });
  });

  it("takes the last resort, a name like `anything.backend`", () => {
    expect(completeBackend({}, "m.custom", [], modules)).toMatchObject({
      backend: "custom",
      default_model_filename: "model.custom",
    });
  });

  it("keeps a file name that was chosen", () => {
    const config = { backend: "onnxruntime", default_model_filename: "net.onnx" };
    expect(completeBackend(config, "m", [], modules)).toMatchObject(config);
  });
});

describe("completing from the artifact", () => {
  const facts: ArtifactFacts = {
    platform: "any",
    batchable: true,
    inputs: [{ name: "x", datatype: "BYTES", shape: [-1, 4, -1] }],
    outputs: [{ name: "y", datatype: "FP16", shape: [-1] }],
  };

  it("describes the tensors as they are, without the batch axis", () => {
    expect(completeTensors({ name: "m" }, facts)).toEqual({
      name: "m",
      max_batch_size: 4,
      input: [{ name: "x", data_type: "TYPE_STRING", dims: ["4", "-1"] }],
      output: [{ name: "y", data_type: "TYPE_FP16" }],
      dynamic_batching: {},
    });
  });

  it("keeps what was written: sizes, tensors, and another scheduling choice", () => {
    const output = [{ name: "y", data_type: "TYPE_FP16", dims: ["1"] }];
    const config = { max_batch_size: 16, output, sequence_batching: {} };
    expect(completeTensors(config, facts)).toEqual({
      ...config,
      input: [{ name: "x", data_type: "TYPE_STRING", dims: ["4", "-1"] }],
    });
    const whole = { input: [{ name: "x" }], output };
    expect(completeTensors(whole, facts)).toBe(whole);
  });

  it("adds no batching where one row is the most", () => {
    expect(completeTensors({ max_batch_size: 1 }, facts)).not.toHaveProperty("dynamic_batching");
  });
});

describe("defaults", () => {
  it("fills the preferred size wherever there is dynamic batching", () => {
    const config = { max_batch_size: 64, dynamic_batching: { preserve_ordering: true } };
    expect(completeDefaults(config)).toMatchObject({
      dynamic_batching: { preserve_ordering: true, preferred_batch_size: [64] },
    });
  });

  it("keeps chosen pinned memory and adds the other", () => {
    const config = { optimization: { input_pinned_memory: { enable: false } } };
    expect(completeDefaults(config)).toMatchObject({
      optimization: {
        input_pinned_memory: { enable: false },
        output_pinned_memory: { enable: true },
      },
    });
  });

  it("names instance groups and counts them as Triton does", () => {
    const config = {
      name: "m",
      backend: "onnxruntime",
      instance_group: [{ kind: "KIND_CPU" }, { name: "n", count: 5 }, { kind: "KIND_GPU" }],
    };
    expect(completeDefaults(config)).toMatchObject({
      instance_group: [
        { name: "m_0", kind: "KIND_CPU", count: 2 },
        { name: "n", kind: "KIND_CPU", count: 5 },
        { name: "m_2", kind: "KIND_GPU", count: 1 },
      ],
    });
  });

  it("leaves an ensemble without groups and pinned memory", () => {
    const config = { ensemble_scheduling: { step: [] } };
    expect(completeDefaults(config)).toEqual({
      ...config,
      version_policy: { latest: { num_versions: 1 } },
    });
  });
});
