import { describe, expect, it } from "vitest";
import { batchIoProblem } from "./check-batch-io.ts";
import type { ConfigBatchInput, ConfigBatchOutput, ModelConfigFields } from "./model-config.ts";

const tensor = (name: string, ...dims: string[]) => ({ name, data_type: "TYPE_FP32", dims });
const base: ModelConfigFields = {
  name: "m",
  max_batch_size: 8,
  input: [tensor("x", "-1"), { ...tensor("maybe", "-1"), optional: true }],
  output: [tensor("y", "-1"), tensor("z", "-1", "-1")],
};
const batchInput = (given: ConfigBatchInput): ModelConfigFields => ({
  ...base,
  batch_input: [{ target_name: ["n"], data_type: "TYPE_INT32", source_input: ["x"], ...given }],
});
const batchOutput = (...given: ConfigBatchOutput[]): ModelConfigFields => ({
  ...base,
  batch_output: given.map((one) => ({ target_name: ["y"], source_input: ["x"], ...one })),
});

describe("batch inputs and outputs of a configuration", () => {
  it("pass where they speak of tensors that are there", () => {
    expect(batchIoProblem(batchInput({ kind: "BATCH_ITEM_SHAPE_FLATTEN" }))).toBeUndefined();
    expect(batchIoProblem(batchOutput({}))).toBeUndefined();
    expect(batchIoProblem(base)).toBeUndefined();
  });

  it.each<[string, ModelConfigFields, string]>([
    [
      "two sources",
      batchInput({ source_input: ["x", "x"] }),
      "batch input kind 'BATCH_ELEMENT_COUNT' expects 1 source input, got 2",
    ],
    [
      "no source",
      batchInput({ kind: "BATCH_ITEM_SHAPE", source_input: [] }),
      "batch input kind 'BATCH_ITEM_SHAPE' expects 1 source input, got 0",
    ],
    [
      "whole numbers of eight bytes",
      batchInput({ data_type: "TYPE_INT64" }),
      "batch input data type must be TYPE_INT32 or TYPE_FP32",
    ],
    ["an unknown source", batchInput({ source_input: ["X"] }), "unknown source input name 'X'"],
    [
      "a source of an output that is not there",
      batchOutput({ source_input: ["X"] }),
      "unknown source input name 'X'",
    ],
    [
      "two sources of an output",
      batchOutput({ source_input: ["x", "x"] }),
      "batch output kind 'BATCH_SCATTER_WITH_INPUT_SHAPE' expects 1 source input, got 2",
    ],
    ["an unknown target", batchOutput({ target_name: ["Y"] }), "unknown target output name 'Y'"],
    ["a target twice", batchOutput({}, {}), "target output name 'y' can only be specified once"],
  ])("are refused in Triton's words: %s", (_, config, text) => {
    expect(batchIoProblem(config)).toBe(text);
  });

  it.each<[string, ModelConfigFields, RegExp]>([
    ["no target", batchInput({ target_name: [] }), /must specify 'target_name'/],
    ["a target that clients send", batchInput({ target_name: ["x"] }), /'x' is an input already/],
    ["a source that may be missing", batchInput({ source_input: ["maybe"] }), /is optional/],
    [
      "an axis that the source does not have",
      batchOutput({ target_name: ["z"] }),
      /axis of any length which its source input 'x' does not have/,
    ],
  ])("are refused in ours: %s", (_, config, text) => {
    expect(batchIoProblem(config)).toMatch(text);
  });
});
