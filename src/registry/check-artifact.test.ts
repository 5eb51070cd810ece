import { describe, expect, it } from "vitest";
import type { ArtifactFacts, TensorSpec } from "../../backends/contract.ts";
import { checkAgainstArtifact } from "./check-artifact.ts";
import type { ConfigTensor, ModelConfigFields } from "./model-config.ts";

const tensor = (name: string, shape: readonly number[]): TensorSpec => ({
  name,
  datatype: "FP32",
  shape,
});
const facts = (inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): ArtifactFacts => ({
  platform: "any",
  inputs,
  outputs,
});
const says = (name: string, ...dims: string[]): ConfigTensor => ({
  name,
  data_type: "TYPE_FP32",
  dims,
});
const config = (more: ModelConfigFields): ModelConfigFields => ({
  name: "m",
  input: [says("x", "4")],
  output: [says("y", "4")],
  max_batch_size: 8,
  ...more,
});

const counts = (target: string) => ({
  target_name: [target],
  data_type: "TYPE_INT32",
  source_input: ["x"],
});

describe("a configuration against its artifact", () => {
  const batched = facts([tensor("x", [-1, 4])], [tensor("y", [-1, 4])]);

  it("passes where both say the same", () => {
    expect(() => checkAgainstArtifact(config({}), batched)).not.toThrow();
  });

  it("passes ragged rows in one axis, with what tells of them, and an output parted like them", () => {
    const ragged = config({
      input: [{ ...says("x", "-1"), allow_ragged_batch: true }],
      output: [says("y", "-1")],
      batch_input: [{ ...counts("n"), data_type: "TYPE_FP32" }],
      batch_output: [{ target_name: ["y"], source_input: ["x"] }],
    });
    const artifact = facts([tensor("x", [-1]), tensor("n", [-1])], [tensor("y", [-1])]);
    expect(() => checkAgainstArtifact(ragged, artifact)).not.toThrow();
  });

  it("may narrow an input of any length, but not an output", () => {
    const free = facts([tensor("x", [-1, -1])], [tensor("y", [-1, -1])]);
    const output = [says("y", "-1")];
    expect(() => checkAgainstArtifact(config({ output }), free)).not.toThrow();
    expect(() => checkAgainstArtifact(config({}), free)).toThrow(
      "model 'm', tensor 'y': the model expects 2 dimensions (shape [-1,-1]) but the model " +
        "configuration specifies 2 dimensions (an initial batch dimension because " +
        "max_batch_size > 0 followed by the explicit tensor shape, making complete shape [-1,4])",
    );
  });

  it("may leave out outputs, but no input", () => {
    const two = facts(batched.inputs ?? [], [tensor("y", [-1, 4]), tensor("z", [-1, 1])]);
    expect(() => checkAgainstArtifact(config({}), two)).not.toThrow();
    const needs = facts([tensor("x", [-1, 4]), tensor("w", [-1, 4])], batched.outputs ?? []);
    expect(() => checkAgainstArtifact(config({}), needs)).toThrow(
      "unable to load model 'm', configuration expects 1 inputs, model provides 2",
    );
  });

  it.each<[string, ModelConfigFields, ArtifactFacts, string]>([
    [
      "another datatype",
      { input: [{ ...says("x", "4"), data_type: "TYPE_INT32" }] },
      batched,
      "unable to load model 'm', configuration expects datatype TYPE_INT32 for input 'x', model provides TYPE_FP32",
    ],
    [
      "another name",
      { input: [says("X", "4")] },
      batched,
      "unexpected inference input 'X', allowed inputs are: x",
    ],
    [
      "a batch axis that the model does not have",
      {},
      facts([tensor("x", [1, 4])], [tensor("y", [1, 4])]),
      "model 'm', tensor 'x': for the model to support batching the shape should have at least 1 dimension and the first dimension must be -1; but shape expected by the model is [1,4]",
    ],
    [
      "an optional input of a model that batches",
      { input: [says("x", "4"), { ...says("w", "4"), optional: true }] },
      batched,
      "unable to load model 'm', optional input 'w' is not supported for models that support batching",
    ],
    [
      "an optional input, which would replace an initializer",
      { input: [says("x", "4"), { ...says("w", "4"), optional: true }], max_batch_size: 0 },
      facts([tensor("x", [4])], [tensor("y", [4])]),
      "optional input 'w' would replace a value inside the ONNX file",
    ],
    [
      "an optional input that the model cannot do without",
      { input: [{ ...says("x", "4"), optional: true }] },
      batched,
      "unable to load model 'm', configuration expects 0 inputs, model provides 1",
    ],
    [
      "a ragged input for which the model has a batch axis",
      { input: [{ ...says("x", "4"), allow_ragged_batch: true }] },
      batched,
      "unable to load model 'm', configuration expects model provides input with shape [-1]  for ragged input 'x', model provides [-1,4]",
    ],
    [
      "a batch input that the model does not have",
      { batch_input: [counts("n")] },
      facts([tensor("x", [-1, 4]), tensor("N", [-1])], [tensor("y", [-1, 4])]),
      "unexpected inference input 'n', allowed inputs are: N, x",
    ],
    [
      "a batch input of another datatype",
      { batch_input: [counts("n")] },
      facts([tensor("x", [-1, 4]), tensor("n", [-1])], [tensor("y", [-1, 4])]),
      "unable to load model 'm', configuration expects datatype TYPE_INT32 for input 'n', model provides TYPE_FP32",
    ],
    [
      "an input that nobody sends and the server does not make",
      {},
      facts([tensor("x", [-1, 4]), tensor("n", [-1])], [tensor("y", [-1, 4])]),
      "unable to load model 'm', configuration expects 1 inputs, model provides 2",
    ],
    [
      "another shape without a batch axis",
      { max_batch_size: 0 },
      facts([tensor("x", [4])], [tensor("y", [2, 4])]),
      "model 'm', tensor 'y': the model expects 2 dimensions (shape [2,4]) but the model configuration specifies 1 dimensions (shape [4])",
    ],
    [
      "a scalar with a length",
      { max_batch_size: 0 },
      facts([tensor("x", [4])], [tensor("y", [])]),
      "unable to load model 'm', scalar tensor 'y', should only provide 1 in the model configuration when the model doesn't support batching. Model configuration provided: [4].",
    ],
  ])("refuses %s in Triton's words", (_, more, artifact, text) => {
    expect(() => checkAgainstArtifact(config(more), artifact)).toThrow(text);
  });

  it("believes the configuration where the artifact states no shape", () => {
    const unstated = { ...facts([tensor("x", [-1, 4])], [tensor("y", [])]), unstatedShapes: ["y"] };
    expect(() => checkAgainstArtifact(config({}), unstated)).not.toThrow();
  });
});
