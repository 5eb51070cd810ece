/** jet_tagger: 16 observables of a jet to the probabilities of 5 origins. */
import { generateTaggerSample, JET_OBSERVABLES, TAGGER_CLASSES } from "../data/jet-observables.ts";
import { DenseStack } from "../nn/dense-stack.ts";
import { softmaxSlope } from "../nn/losses.ts";
import { accuracy, areaUnderCurve } from "../nn/quality.ts";
import { applyScaling, measureScaling } from "../nn/scaling.ts";
import { gatherRows, train } from "../nn/train.ts";
import { appendDense } from "../onnx/dense-nodes.ts";
import { OnnxGraph } from "../onnx/onnx-graph.ts";
import { Random } from "../random.ts";
import { floatsOf, fp32, type Recipe } from "../recipe.ts";

const WIDTH = JET_OBSERVABLES.length;
const CLASSES = TAGGER_CLASSES.length;
type TaggerClass = (typeof TAGGER_CLASSES)[number];

export const jetTagger: Recipe = {
  name: "jet_tagger",

  build() {
    const random = new Random(16);
    const { inputs, classes } = generateTaggerSample(random, 20_000);
    const scaling = measureScaling(inputs, WIDTH);
    const scaled = applyScaling(inputs, scaling);
    const stack = new DenseStack([WIDTH, 64, 32, 32, CLASSES], random);
    train({
      parameters: stack.parameters,
      examples: classes.length,
      epochs: 15,
      batchSize: 128,
      learningRate: 3e-3,
      random,
      step(examples) {
        const logits = stack.forward(gatherRows(scaled, WIDTH, examples), examples.length);
        const truth = Uint8Array.from(examples, (example) => classes[example] as number);
        stack.backward(softmaxSlope(logits, CLASSES, truth), examples.length);
      },
    });
    stack.absorb(scaling);

    const graph = new OnnxGraph("jet_tagger", "Jet tagger, trained on toy jets");
    const observables = graph.input("input", "FP32", ["batch", WIDTH]);
    const logits = appendDense(graph, stack, observables);
    graph.node("Softmax", [logits], { axis: -1 }, "probabilities");
    graph.output("probabilities", "FP32", ["batch", CLASSES]);
    return graph.finish();
  },

  sample: (random, size) => ({
    input: fp32(generateTaggerSample(random, size).inputs, [size, WIDTH]),
  }),

  async measure(run, random, size) {
    const { inputs, classes } = generateTaggerSample(random, size);
    const outputs = await run({ input: fp32(inputs, [size, WIDTH]) });
    const scores = floatsOf(outputs, "probabilities");
    /** How well the ratio of two classes' scores tells these two apart. */
    const separation = (signal: TaggerClass, background: TaggerClass) => {
      const [s, b] = [TAGGER_CLASSES.indexOf(signal), TAGGER_CLASSES.indexOf(background)];
      const rows = Array.from(classes.keys()).filter((row) => {
        return classes[row] === s || classes[row] === b;
      });
      const score = (row: number, c: number) => scores[row * CLASSES + c] as number;
      return areaUnderCurve(
        rows.map((row) => score(row, s) / (score(row, s) + score(row, b) + 1e-30)),
        rows.map((row) => (classes[row] === s ? 1 : 0)),
      );
    };
    return {
      accuracy: accuracy(scores, CLASSES, classes),
      auc_light_against_gluon: separation("light", "gluon"),
      auc_z_against_w: separation("z", "w"),
      auc_top_against_w: separation("top", "w"),
    };
  },
};
