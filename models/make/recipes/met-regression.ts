/**
 * met_regression: all candidates of an event to its missing transverse momentum.
 * A small network gives every candidate a weight; minus the weighted sum of
 * (px, py) is the answer, so empty slots add nothing (the idea of DeepMET).
 */
import {
  CANDIDATE_FEATURES,
  CATEGORIES,
  generateMetEvent,
  MET_CANDIDATES,
  type MetEvent,
  packMetEvents,
} from "../data/met-events.ts";
import { DenseStack } from "../nn/dense-stack.ts";
import { effectiveSigma } from "../nn/quality.ts";
import { applyScaling, measureScaling } from "../nn/scaling.ts";
import { train } from "../nn/train.ts";
import { appendDense } from "../onnx/dense-nodes.ts";
import { OnnxGraph } from "../onnx/onnx-graph.ts";
import { Random } from "../random.ts";
import { floatsOf, fp32, type NamedTensors, type Recipe } from "../recipe.ts";

/** What the weight may depend on: no direction in the transverse plane. */
const USED = CANDIDATE_FEATURES.indexOf("phi");
const PX = CANDIDATE_FEATURES.indexOf("px");
const CATEGORY_VALUES = Object.values(CATEGORIES);
const WIDTH = USED + CATEGORY_VALUES.reduce((sum, values) => sum + values.length, 0);
const PILEUP = 250;
/** Typical error in GeV: brings the loss near 1. */
const ERROR_SCALE = 15;

/** [candidates, WIDTH] of one event: features, then each category one-hot. */
function weightInputs(event: MetEvent): number[] {
  return event.candidates.flatMap(({ features, charge, kind, vertex }) => [
    ...features.slice(0, USED),
    ...[charge, kind, vertex].flatMap((value, c) =>
      (CATEGORY_VALUES[c] ?? []).map((known: number) => (known === value ? 1 : 0)),
    ),
  ]);
}

function requestOf(events: readonly MetEvent[]): NamedTensors {
  const { features, categories } = packMetEvents(events);
  const category = (c: 0 | 1 | 2) => fp32(categories[c], [events.length, MET_CANDIDATES, 1]);
  return {
    input: fp32(features, [events.length, MET_CANDIDATES, CANDIDATE_FEATURES.length]),
    input_cat0: category(0),
    input_cat1: category(1),
    input_cat2: category(2),
  };
}

function trainWeights(): DenseStack {
  const random = new Random(4500);
  const events = Array.from({ length: 2000 }, () => generateMetEvent(random, PILEUP));
  const rows = events.map((event) => Float32Array.from(weightInputs(event)));
  const scaling = measureScaling(
    rows.slice(0, 200).flatMap((event) => [...event]),
    WIDTH,
  );
  const scaled = rows.map((event) => applyScaling(event, scaling));
  const stack = new DenseStack([WIDTH, 16, 8, 1], random);
  train({
    parameters: stack.parameters,
    examples: events.length,
    epochs: 10,
    batchSize: 16,
    learningRate: 5e-3,
    random,
    step(examples) {
      for (const example of examples) {
        const { candidates, trueX, trueY } = events[example] as MetEvent;
        const weights = stack.forward(scaled[example] as Float64Array, candidates.length);
        let [missX, missY] = [trueX, trueY];
        candidates.forEach(({ features }, i) => {
          missX += (weights[i] as number) * (features[PX] as number);
          missY += (weights[i] as number) * (features[PX + 1] as number);
        });
        const slope = candidates.map(
          ({ features: f }) => missX * (f[PX] as number) + missY * (f[PX + 1] as number),
        );
        const share = 1 / (examples.length * ERROR_SCALE ** 2);
        stack.backward(
          Float64Array.from(slope, (value) => value * share),
          candidates.length,
        );
      }
    },
  });
  stack.absorb(scaling);
  return stack;
}

function exportGraph(stack: DenseStack): Uint8Array {
  const graph = new OnnxGraph("met_regression", "Candidate weights, trained on toy events");
  const slots = (name: string, width: number) =>
    graph.input(name, "FP32", ["batch", MET_CANDIDATES, width]);
  const candidates = slots("input", CANDIDATE_FEATURES.length);
  const columns = (from: number, to: number) =>
    graph.node("Slice", [candidates, ...[from, to, 2].map((value) => graph.integers([value]))]);
  // Equal against the known values is one-hot, and unknown or NaN is all zeros.
  const oneHot = CATEGORY_VALUES.map((values, c) => {
    const known = graph.floats(values, [values.length]);
    const same = graph.node("Equal", [slots(`input_cat${c}`, 1), known]);
    return graph.node("Cast", [same], { to: 1 });
  });
  const features = graph.node("Concat", [columns(0, USED), ...oneHot], { axis: 2 });
  const weights = appendDense(graph, stack, features, "last-axis");
  const weighted = graph.node("Mul", [weights, columns(PX, PX + 2)]);
  const sum = graph.node("ReduceSum", [weighted, graph.integers([1])], { keepdims: 0 });
  graph.node("Neg", [sum], {}, "output/BiasAdd");
  graph.output("output/BiasAdd", "FP32", ["batch", 2]);
  return graph.finish();
}

export const metRegression: Recipe = {
  name: "met_regression",

  build: () => exportGraph(trainWeights()),

  sample: (random, size) =>
    requestOf(Array.from({ length: size }, () => generateMetEvent(random, PILEUP))),

  async measure(run, random, size) {
    const misses: number[] = [];
    const plainMisses: number[] = [];
    for (let done = 0; done < size; done++) {
      const event = generateMetEvent(random, PILEUP);
      const [x = 0, y = 0] = floatsOf(await run(requestOf([event])), "output/BiasAdd");
      misses.push(x - event.trueX, y - event.trueY);
      let [plainX, plainY] = [0, 0];
      for (const { features: f } of event.candidates) {
        const weight = f[CANDIDATE_FEATURES.indexOf("puppi_weight")] as number;
        plainX -= weight * (f[PX] as number);
        plainY -= weight * (f[PX + 1] as number);
      }
      plainMisses.push(plainX - event.trueX, plainY - event.trueY);
    }
    return {
      resolution_gev: effectiveSigma(misses),
      resolution_gev_puppi_sum: effectiveSigma(plainMisses),
    };
  },
};
