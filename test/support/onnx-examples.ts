/** Small ONNX models with what they give, for the backends that run them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConformanceCase, Example } from "../../backends/conformance.ts";
import type {
  Artifact,
  Datatype,
  ModelVariant,
  Tensor,
  TensorSpec,
} from "../../backends/contract.ts";
import { OnnxGraph } from "../../models/make/onnx/onnx-graph.ts";

export interface OnnxExamples extends Omit<ConformanceCase, "module" | "options" | "texts"> {
  readonly texts: Example;
}

/** @param folder where the model files are written, and stay */
export function onnxExamples(folder: string): OnnxExamples {
  const addSubVariant = variant({
    inputs: specs("FP32", [2], "x", "y"),
    outputs: specs("FP32", [2], "sum", "difference"),
    artifact: addSub(folder),
  });
  const texts = ["μ⁺μ⁻", "", "\ufeffbom"];
  return {
    batched: {
      variant: addSubVariant,
      inputs: [fp32("x", [2, 2], [1, 2, 3, 4]), fp32("y", [2, 2], [0.5, 0.25, 8, 16])],
      outputs: [
        fp32("sum", [2, 2], [1.5, 2.25, 11, 20]),
        fp32("difference", [2, 2], [0.5, 1.75, -5, -12]),
      ],
    },
    unbatched: {
      variant: variant(
        {
          inputs: specs("INT64", [-1], "x"),
          outputs: specs("INT64", [-1], "y"),
          artifact: identity(folder, "INT64", ["n"]),
        },
        0,
      ),
      inputs: [int64("x", [1n, -(2n ** 62n), 3n])],
      outputs: [int64("y", [1n, -(2n ** 62n), 3n])],
    },
    texts: {
      variant: variant({
        inputs: specs("BYTES", [1], "x"),
        outputs: specs("BYTES", [1], "y"),
        artifact: identity(folder, "BYTES", ["batch", 1]),
      }),
      inputs: [bytes("x", texts)],
      outputs: [bytes("y", texts)],
    },
    misfit: [fp32("x", [2, 3], [1, 2, 3, 4, 5, 6]), fp32("y", [2, 2], [1, 2, 3, 4])],
    unservable: { ...addSubVariant, outputs: specs("FP32", [2], "product") },
  };
}

export const int64 = (name: string, values: readonly bigint[]): Tensor => ({
  name,
  datatype: "INT64",
  shape: [values.length],
  data: new Uint8Array(BigInt64Array.from(values).buffer),
});

function saved(folder: string, graph: OnnxGraph, name: string): Artifact {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish());
  return { digest: "", path, format: "onnx", platform: "any" };
}

/** sum = x + y, difference = x - y, rows of two numbers. */
function addSub(folder: string): Artifact {
  const graph = new OnnxGraph("addsub", "sum and difference");
  const x = graph.input("x", "FP32", ["batch", 2]);
  const y = graph.input("y", "FP32", ["batch", 2]);
  graph.output(graph.node("Add", [x, y], {}, "sum"), "FP32", ["batch", 2]);
  graph.output(graph.node("Sub", [x, y], {}, "difference"), "FP32", ["batch", 2]);
  return saved(folder, graph, "addsub");
}

function identity(
  folder: string,
  type: "BYTES" | "INT64",
  shape: readonly (number | string)[],
): Artifact {
  const graph = new OnnxGraph("identity", "its input");
  graph.output(graph.node("Identity", [graph.input("x", type, shape)], {}, "y"), type, shape);
  return saved(folder, graph, `identity-${type}`);
}

/** picked = the elements of data at the places in index. */
export function gatherElements(folder: string): Artifact {
  const graph = new OnnxGraph("gather", "elements by their places");
  const from = [graph.input("data", "FP32", ["n"]), graph.input("index", "INT64", ["k"])];
  graph.output(graph.node("GatherElements", from, { axis: 0 }, "picked"), "FP32", ["k"]);
  return saved(folder, graph, "gather");
}

/** Promises rows of one number and returns rows of two. */
export function lying(folder: string): Artifact {
  const graph = new OnnxGraph("lying", "promises another shape than it computes");
  const x = graph.input("x", "FP32", ["batch", 2]);
  graph.output(graph.node("Reshape", [x, graph.input("to", "INT64", [2])], {}, "y"), "FP32", [
    "batch",
    1,
  ]);
  return saved(folder, graph, "lying");
}

export const specs = (
  datatype: Datatype,
  shape: readonly number[],
  ...names: string[]
): TensorSpec[] => names.map((name) => ({ name, datatype, shape }));

export function variant(
  of: Pick<ModelVariant, "inputs" | "outputs" | "artifact">,
  maxBatchSize = 8,
) {
  return { model: "m", version: "1", maxBatchSize, ...of };
}

export const fp32 = (
  name: string,
  shape: readonly number[],
  values: readonly number[],
): Tensor => ({
  name,
  datatype: "FP32",
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

export function bytes(name: string, elements: readonly (string | Uint8Array)[]): Tensor {
  const data = elements.flatMap((element) => {
    const content = Buffer.from(element);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(content.length);
    return [length, content];
  });
  return { name, datatype: "BYTES", shape: [elements.length, 1], data: Buffer.concat(data) };
}
