/** custom_identity_int32 and scalar_sum: the smallest models with their peculiar shapes. */
import { OnnxGraph } from "../onnx/onnx-graph.ts";
import { fp32, type Recipe } from "../recipe.ts";

/** Rows of any length, handed back: for tests that watch memory grow. */
export const customIdentityInt32: Recipe = {
  name: "custom_identity_int32",

  build() {
    const graph = new OnnxGraph("custom_identity_int32", "OUTPUT0 = INPUT0");
    const input = graph.input("INPUT0", "INT32", ["batch", "length"]);
    graph.node("Identity", [input], {}, "OUTPUT0");
    graph.output("OUTPUT0", "INT32", ["batch", "length"]);
    return graph.finish();
  },

  sample: (random, size) => {
    const data = Int32Array.from({ length: size * 64 }, () => random.integer(2 ** 31));
    return { INPUT0: { type: "INT32", shape: [size, 64], data } };
  },
};

/** Any number of values to their sum: no batch axis, and an output without any axis. */
export const scalarSum: Recipe = {
  name: "scalar_sum",

  build() {
    const graph = new OnnxGraph("scalar_sum", "sum = the sum of values");
    const values = graph.input("values", "FP32", ["length"]);
    graph.node("ReduceSum", [values], { keepdims: 0 }, "sum");
    graph.output("sum", "FP32", []);
    return graph.finish();
  },

  sample: (random, size) => ({
    values: fp32(
      Float32Array.from({ length: size }, () => random.normal()),
      [size],
    ),
  }),
};
