/** edge_filter: the 12 features of two hits to the probability that one particle made both. */
import { edgeRows, generateTrackerEvent, HIT_FEATURES } from "../data/tracker.ts";
import { areaUnderCurve } from "../nn/quality.ts";
import { appendDense } from "../onnx/dense-nodes.ts";
import { OnnxGraph } from "../onnx/onnx-graph.ts";
import { Random } from "../random.ts";
import { floatsOf, fp32, type Recipe } from "../recipe.ts";
import { trainBinary } from "./binary-mlp.ts";

const WIDTH = 2 * HIT_FEATURES.length;
const PARTICLES_PER_EVENT = 150;

/** `size` candidate edges of as many events as that takes. */
function generateEdges(random: Random, size: number) {
  const inputs = new Float32Array(size * WIDTH);
  const truth = new Uint8Array(size);
  for (let filled = 0; filled < size; ) {
    const event = generateTrackerEvent(random, PARTICLES_PER_EVENT);
    const taken = Math.min(event.edges.length, size - filled);
    inputs.set(edgeRows(event).subarray(0, taken * WIDTH), filled * WIDTH);
    truth.set(event.truth.subarray(0, taken), filled);
    filled += taken;
  }
  return { inputs, truth };
}

export const edgeFilter: Recipe = {
  name: "edge_filter",

  build() {
    const random = new Random(24);
    const { inputs, truth } = generateEdges(random, 60_000);
    const task = { inputs, truth, widths: [WIDTH, 64, 32, 1], epochs: 8, batchSize: 128 };
    const stack = trainBinary(task, random);

    const graph = new OnnxGraph("edge_filter", "Edge filter, trained on a toy tracker");
    const edges = graph.input("features", "FP32", ["batch", WIDTH]);
    graph.node("Sigmoid", [appendDense(graph, stack, edges)], {}, "score");
    graph.output("score", "FP32", ["batch", 1]);
    return graph.finish();
  },

  sample: (random, size) => ({
    features: fp32(generateEdges(random, size).inputs, [size, WIDTH]),
  }),

  async measure(run, random, size) {
    const { inputs, truth } = generateEdges(random, size);
    const scores = floatsOf(await run({ features: fp32(inputs, [size, WIDTH]) }), "score");
    return { auc: areaUnderCurve(scores, truth) };
  },
};
