/** track_classifier: 8 numbers of a track to the probability that it is real. */
import { generateTracks, TRACK_FEATURES } from "../data/tracks.ts";
import { areaUnderCurve } from "../nn/quality.ts";
import { appendDense } from "../onnx/dense-nodes.ts";
import { OnnxGraph } from "../onnx/onnx-graph.ts";
import { Random } from "../random.ts";
import { floatsOf, fp32, type Recipe } from "../recipe.ts";
import { trainBinary } from "./binary-mlp.ts";

const WIDTH = TRACK_FEATURES.length;

export const trackClassifier: Recipe = {
  name: "track_classifier",

  build() {
    const random = new Random(8);
    const { inputs, real } = generateTracks(random, 30_000);
    const task = { inputs, truth: real, widths: [WIDTH, 24, 16, 1], epochs: 6, batchSize: 128 };
    const stack = trainBinary(task, random);

    const graph = new OnnxGraph("track_classifier", "Real or not, trained on toy tracks");
    const tracks = graph.input("tracks", "FP32", ["batch", WIDTH]);
    graph.node("Sigmoid", [appendDense(graph, stack, tracks)], {}, "score");
    graph.output("score", "FP32", ["batch", 1]);
    return graph.finish();
  },

  sample: (random, size) => ({
    tracks: fp32(generateTracks(random, size).inputs, [size, WIDTH]),
  }),

  async measure(run, random, size) {
    const { inputs, real } = generateTracks(random, size);
    const scores = floatsOf(await run({ tracks: fp32(inputs, [size, WIDTH]) }), "score");
    return { auc: areaUnderCurve(scores, real) };
  },
};
