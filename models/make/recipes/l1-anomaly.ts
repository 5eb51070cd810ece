/** l1_anomaly: how unlike ordinary crossings one crossing's 57 trigger numbers are. */
import { generateL1Events, L1_FEATURES, type L1Process } from "../data/l1-objects.ts";
import { DenseStack } from "../nn/dense-stack.ts";
import { squareSlope } from "../nn/losses.ts";
import { areaUnderCurve } from "../nn/quality.ts";
import { applyScaling, measureScaling } from "../nn/scaling.ts";
import { gatherRows, train } from "../nn/train.ts";
import { appendDense } from "../onnx/dense-nodes.ts";
import { OnnxGraph } from "../onnx/onnx-graph.ts";
import { Random } from "../random.ts";
import { type Figures, floatsOf, fp32, type Recipe } from "../recipe.ts";

/** Through four numbers and back: what is common fits, what is rare does not. */
const WIDTHS = [L1_FEATURES, 32, 16, 4, 16, 32, L1_FEATURES];

export const l1Anomaly: Recipe = {
  name: "l1_anomaly",

  build() {
    const random = new Random(57);
    const events = generateL1Events(random, 40_000, "zero-bias");
    const scaling = measureScaling(events, L1_FEATURES);
    const scaled = applyScaling(events, scaling);
    const stack = new DenseStack(WIDTHS, random);
    train({
      parameters: stack.parameters,
      examples: events.length / L1_FEATURES,
      epochs: 8,
      batchSize: 128,
      learningRate: 2e-3,
      random,
      step(examples) {
        const rows = gatherRows(scaled, L1_FEATURES, examples);
        stack.backward(squareSlope(stack.forward(rows, examples.length), rows), examples.length);
      },
    });

    const graph = new OnnxGraph("l1_anomaly", "Autoencoder, trained on toy zero-bias crossings");
    const objects = graph.input("l1_objects", "FP32", ["batch", L1_FEATURES]);
    const mean = graph.floats(scaling.mean, [L1_FEATURES], "mean");
    const sigma = graph.floats(scaling.sigma, [L1_FEATURES], "sigma");
    const whitened = graph.node("Div", [graph.node("Sub", [objects, mean]), sigma]);
    const miss = graph.node("Sub", [whitened, appendDense(graph, stack, whitened)]);
    const square = graph.node("Mul", [miss, miss]);
    graph.node("ReduceMean", [square], { axes: [1], keepdims: 1 }, "score");
    graph.output("score", "FP32", ["batch", 1]);
    return graph.finish();
  },

  sample: (random, size) => ({
    l1_objects: fp32(generateL1Events(random, size, "zero-bias"), [size, L1_FEATURES]),
  }),

  async measure(run, random, size) {
    const score = async (process: L1Process) => {
      const events = generateL1Events(random, size, process);
      return floatsOf(await run({ l1_objects: fp32(events, [size, L1_FEATURES]) }), "score");
    };
    const ordinary = await score("zero-bias");
    const figures: Record<string, number> = {};
    for (const process of ["resonance", "multijet", "invisible"] as const) {
      const scores = [...ordinary, ...(await score(process))];
      const truth = scores.map((_, i) => (i < size ? 0 : 1));
      figures[`auc_${process}`] = areaUnderCurve(scores, truth);
    }
    return figures satisfies Figures;
  },
};
