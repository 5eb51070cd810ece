import { describe, expect, it } from "vitest";
import type { ArtifactFacts, TensorSpec } from "../../backends/contract.ts";
import { defineModel } from "./definition.ts";
import type { ModelConfigFields } from "./model-config.ts";
import type { ModelConfigObject } from "./types.ts";

const tensor = (name: string, ...dims: string[]) => ({ name, data_type: "TYPE_FP32", dims });
const actual = (name: string, ...shape: number[]): TensorSpec => ({
  name,
  datatype: "FP32",
  shape,
});

function signatureOf(fields: ModelConfigFields, facts: Partial<ArtifactFacts> = {}) {
  const config = {
    name: "m",
    max_batch_size: 8,
    input: [tensor("x", "-1")],
    output: [tensor("y", "-1")],
    ...fields,
  } as unknown as ModelConfigObject;
  return defineModel({
    version: "1",
    written: config,
    complete: config,
    facts: { platform: "any", ...facts },
    artifact: { digest: "", path: "", format: "onnx", platform: "any" },
    backendKind: "test",
  }).signature;
}

describe("the tensors of a configuration", () => {
  it("are those of clients; the model's own shape is told where it differs", () => {
    const { inputs } = signatureOf({
      input: [
        { ...tensor("x", "2", "-1"), reshape: { shape: ["-1", "1", "2"] } },
        { ...tensor("same", "4"), reshape: { shape: ["4"] } },
        { ...tensor("flat", "1"), reshape: {} },
      ],
    });
    expect(inputs).toEqual([
      { name: "x", datatype: "FP32", shape: [2, -1], modelShape: [-1, 1, 2] },
      { name: "same", datatype: "FP32", shape: [4] },
      { name: "flat", datatype: "FP32", shape: [1], modelShape: [] },
    ]);
  });

  it("tell what is ragged, made for the batch, and parted like an input", () => {
    const about = { target_name: ["n", "m"], data_type: "TYPE_INT32", source_input: ["x"] };
    const signature = signatureOf({
      input: [{ ...tensor("x", "-1", "3"), allow_ragged_batch: true }],
      batch_input: [{ kind: "BATCH_ITEM_SHAPE", ...about }],
      batch_output: [{ target_name: ["y"], source_input: ["x"] }],
    });
    expect(signature.inputs[0]).toMatchObject({ ragged: true, shape: [-1, 3] });
    expect(signature.outputs[0]?.scatteredLike).toBe(0);
    expect(signature.made?.map((made) => made.spec)).toEqual(
      ["n", "m"].map((name) => ({ name, datatype: "INT32", shape: [-1, 2], unbatched: true })),
    );
  });

  it("of a scalar have the dims that the configuration gives it", () => {
    const config = { max_batch_size: 0, output: [tensor("y", "1")] };
    const { outputs } = signatureOf(config, { outputs: [actual("y")] });
    expect(outputs).toEqual([{ name: "y", datatype: "FP32", shape: [1], modelShape: [] }]);
  });

  it("are believed where the artifact does not state the shape", () => {
    const facts = { outputs: [actual("y")], unstatedShapes: ["y"] };
    const { outputs } = signatureOf({ max_batch_size: 0, output: [tensor("y", "-1", "3")] }, facts);
    expect(outputs).toEqual([{ name: "y", datatype: "FP32", shape: [-1, 3] }]);
  });
});
