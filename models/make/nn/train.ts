/** Mini-batch training with Adam (Kingma and Ba, 2014) and a cosine learning rate. */
import type { Random } from "../random.ts";
import type { Parameter } from "./dense-stack.ts";

export interface Training {
  readonly parameters: readonly Parameter[];
  /** Examples in the training set. */
  readonly examples: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** At the start; falls to 0 along half a cosine. */
  readonly learningRate: number;
  /** Decides the order of the examples. */
  readonly random: Random;
  /** Runs these examples forward and backward: adds slopes to the parameters' gradients. */
  step(examples: Uint32Array): void;
}

const DECAY_1 = 0.9;
const DECAY_2 = 0.999;
const EPSILON = 1e-8;

export function train(training: Training): void {
  const { parameters, examples, epochs, batchSize, learningRate, random } = training;
  const moments = parameters.map(({ values }) => ({
    first: new Float64Array(values.length),
    second: new Float64Array(values.length),
  }));
  const order = Uint32Array.from({ length: examples }, (_, i) => i);
  const steps = epochs * Math.ceil(examples / batchSize);
  let done = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    random.shuffle(order);
    for (let start = 0; start < examples; start += batchSize) {
      for (const { gradient } of parameters) gradient.fill(0);
      training.step(order.subarray(start, start + batchSize));
      const rate = (learningRate * (1 + Math.cos((Math.PI * done) / steps))) / 2;
      done++;
      const unbias1 = 1 - DECAY_1 ** done;
      const unbias2 = 1 - DECAY_2 ** done;
      parameters.forEach(({ values, gradient }, index) => {
        const { first, second } = moments[index] as (typeof moments)[number];
        for (let k = 0; k < values.length; k++) {
          const slope = gradient[k] as number;
          const m = DECAY_1 * (first[k] as number) + (1 - DECAY_1) * slope;
          const v = DECAY_2 * (second[k] as number) + (1 - DECAY_2) * slope * slope;
          first[k] = m;
          second[k] = v;
          const update = (rate * (m / unbias1)) / (Math.sqrt(v / unbias2) + EPSILON);
          values[k] = (values[k] as number) - update;
        }
      });
    }
  }
}

/** Copies the chosen rows of a [rows, width] matrix into a matrix of their own. */
export function gatherRows(
  data: ArrayLike<number>,
  width: number,
  rows: Uint32Array,
): Float64Array {
  const gathered = new Float64Array(rows.length * width);
  rows.forEach((row, at) => {
    for (let k = 0; k < width; k++) gathered[at * width + k] = data[row * width + k] as number;
  });
  return gathered;
}
