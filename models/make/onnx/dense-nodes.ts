/** A trained stack of dense layers as ONNX nodes. */
import type { DenseStack } from "../nn/dense-stack.ts";
import type { OnnxGraph } from "./onnx-graph.ts";

/**
 * Appends the stack to the graph: Gemm and Relu for rows [n, width], MatMul, Add
 * and Relu where the features are the last of more axes.
 *
 * @returns the name of the last layer's result, before any output activation;
 * `as` where it is given
 */
export function appendDense(
  graph: OnnxGraph,
  stack: DenseStack,
  input: string,
  axes: "rows" | "last-axis" = "rows",
  as?: string,
): string {
  let value = input;
  stack.layers.forEach((layer, index) => {
    const last = index === stack.layers.length - 1;
    const name = last && layer.activation === "linear" ? as : undefined;
    const weights = graph.floats(layer.weights.values, [layer.inputs, layer.outputs]);
    const bias = graph.floats(layer.bias.values, [layer.outputs]);
    value =
      axes === "rows"
        ? graph.node("Gemm", [value, weights, bias], {}, name)
        : graph.node("Add", [graph.node("MatMul", [value, weights]), bias], {}, name);
    if (layer.activation === "relu") {
      value = graph.node("Relu", [value], {}, last ? as : undefined);
    }
  });
  return value;
}
