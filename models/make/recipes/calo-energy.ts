/**
 * calo_energy: samples of one calorimeter channel to its energy in GeV. The
 * network corrects the plain sum of a window by a factor: it need not learn to add.
 */
import { CHANNEL_FEATURES, generateChannels } from "../data/calorimeter.ts";
import { DenseStack } from "../nn/dense-stack.ts";
import { squareSlope } from "../nn/losses.ts";
import { effectiveSigma } from "../nn/quality.ts";
import { applyScaling, measureScaling } from "../nn/scaling.ts";
import { gatherRows, train } from "../nn/train.ts";
import { appendDense } from "../onnx/dense-nodes.ts";
import { OnnxGraph } from "../onnx/onnx-graph.ts";
import { Random } from "../random.ts";
import { floatsOf, fp32, type Recipe } from "../recipe.ts";

/** Samples, pedestal and gain span decades: the network sees their logarithms. */
const MEASURED = 12;
const FLOOR = 1e-3;
/** The plain sum is that of these samples, from 0.1 GeV on. */
const WINDOW = [3, 6] as const;
const LEAST_SUM_GEV = 0.1;
/** What the network sees: the input, and the logarithm of the sum. */
const WIDTH = CHANNEL_FEATURES + 1;

/** [rows, WIDTH], as the graph below computes it. */
function networkInputs(inputs: Float32Array): Float64Array {
  const rows = inputs.length / CHANNEL_FEATURES;
  const prepared = new Float64Array(rows * WIDTH);
  for (let row = 0; row < rows; row++) {
    const channel = inputs.subarray(row * CHANNEL_FEATURES, (row + 1) * CHANNEL_FEATURES);
    const pedestal = channel[MEASURED - 2] as number;
    const gain = channel[MEASURED - 1] as number;
    const charge = channel.subarray(...WINDOW).reduce((sum, sample) => sum + sample, 0);
    const sum = (charge - (WINDOW[1] - WINDOW[0]) * pedestal) * gain;
    channel.forEach((value, k) => {
      const at = row * WIDTH + k;
      prepared[at] = k < MEASURED ? Math.log(Math.max(value, FLOOR)) : value;
    });
    prepared[(row + 1) * WIDTH - 1] = Math.log(Math.max(sum, LEAST_SUM_GEV));
  }
  return prepared;
}

/** Learns ln(energy / plain sum). */
function trainCorrection(): DenseStack {
  const random = new Random(47);
  const { inputs, energyGeV } = generateChannels(random, 50_000);
  const prepared = networkInputs(inputs);
  const logFactor = Float64Array.from(energyGeV, (energy, row) => {
    return Math.log(energy) - (prepared[(row + 1) * WIDTH - 1] as number);
  });
  const scaling = measureScaling(prepared, WIDTH);
  const scaled = applyScaling(prepared, scaling);
  const stack = new DenseStack([WIDTH, 32, 24, 12, 1], random);
  train({
    parameters: stack.parameters,
    examples: energyGeV.length,
    epochs: 12,
    batchSize: 128,
    learningRate: 3e-3,
    random,
    step(examples) {
      const rows = gatherRows(scaled, WIDTH, examples);
      const found = stack.forward(rows, examples.length);
      const truth = Float64Array.from(examples, (example) => logFactor[example] as number);
      stack.backward(squareSlope(found, truth), examples.length);
    },
  });
  stack.absorb(scaling);
  return stack;
}

function exportGraph(stack: DenseStack): Uint8Array {
  const graph = new OnnxGraph("calo_energy", "Channel energy, trained on toy pulses");
  const channel = graph.input("input", "FP32", ["batch", CHANNEL_FEATURES]);
  const columns = (from: number, to: number) =>
    graph.node("Slice", [channel, ...[from, to, 1].map((value) => graph.integers([value]))]);
  const scalar = (value: number) => graph.floats([value], []);
  const charge = graph.node("ReduceSum", [columns(...WINDOW), graph.integers([1])]);
  const pedestal = columns(MEASURED - 2, MEASURED - 1);
  const pedestals = graph.node("Mul", [pedestal, scalar(WINDOW[1] - WINDOW[0])]);
  const signal = graph.node("Sub", [charge, pedestals]);
  const sum = graph.node("Mul", [signal, columns(MEASURED - 1, MEASURED)]);
  const logSum = graph.node("Log", [graph.node("Max", [sum, scalar(LEAST_SUM_GEV)])]);
  const positive = graph.node("Max", [columns(0, MEASURED), scalar(FLOOR)]);
  const place = columns(MEASURED, CHANNEL_FEATURES);
  const parts = [graph.node("Log", [positive]), place, logSum];
  const found = appendDense(graph, stack, graph.node("Concat", parts, { axis: 1 }));
  graph.node("Exp", [graph.node("Add", [found, logSum])], {}, "output/BiasAdd");
  graph.output("output/BiasAdd", "FP32", ["batch", 1]);
  return graph.finish();
}

export const caloEnergy: Recipe = {
  name: "calo_energy",

  build: () => exportGraph(trainCorrection()),

  sample: (random, size) => ({
    input: fp32(generateChannels(random, size).inputs, [size, CHANNEL_FEATURES]),
  }),

  async measure(run, random, size) {
    const { inputs, energyGeV, windowEnergyGeV } = generateChannels(random, size);
    const outputs = await run({ input: fp32(inputs, [size, CHANNEL_FEATURES]) });
    const found = floatsOf(outputs, "output/BiasAdd");
    const resolution = (energies: Float32Array, fromGeV: number, toGeV: number) => {
      const ratios: number[] = [];
      energyGeV.forEach((truth, row) => {
        if (truth >= fromGeV && truth < toGeV) ratios.push((energies[row] as number) / truth);
      });
      return effectiveSigma(ratios);
    };
    return {
      resolution_2_to_10_gev: resolution(found, 2, 10),
      resolution_2_to_10_gev_window_sum: resolution(windowEnergyGeV, 2, 10),
      resolution_10_to_500_gev: resolution(found, 10, 500),
      resolution_10_to_500_gev_window_sum: resolution(windowEnergyGeV, 10, 500),
    };
  },
};
