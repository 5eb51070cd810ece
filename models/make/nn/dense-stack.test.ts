import { describe, expect, it } from "vitest";
import { Random } from "../random.ts";
import { DenseStack } from "./dense-stack.ts";
import { sigmoidSlope, softmaxSlope, squareSlope } from "./losses.ts";
import { applyScaling, measureScaling } from "./scaling.ts";
import { train } from "./train.ts";

const ROWS = 6;
const STEP = 1e-5;
const numbers = (random: Random, count: number) =>
  Float64Array.from({ length: count }, () => random.normal());
const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

describe("the slopes of a stack", () => {
  const random = new Random(3);
  const stack = new DenseStack([4, 7, 5, 2], random);
  const input = numbers(random, ROWS * 4);
  const weights = numbers(random, ROWS * 2);
  /** Any linear function of the outputs: its slope along them is `weights`. */
  const loss = () => sum(stack.forward(input, ROWS).map((y, k) => y * (weights[k] ?? 0)));
  const differences = (values: Float64Array) =>
    values.map((kept, k) => {
      values[k] = kept + STEP;
      const above = loss();
      values[k] = kept - STEP;
      const below = loss();
      values[k] = kept;
      return (above - below) / (2 * STEP);
    });

  it("are those that small steps find, along parameters and inputs", () => {
    loss();
    const inputSlope = stack.backward(weights, ROWS);
    for (const { values, gradient } of stack.parameters) {
      differences(values).forEach((slope, k) => {
        expect(gradient[k]).toBeCloseTo(slope, 6);
      });
    }
    differences(input).forEach((slope, k) => {
      expect(inputSlope[k]).toBeCloseTo(slope, 6);
    });
  });
});

describe("the slopes of the losses", () => {
  const random = new Random(4);
  const values = numbers(random, 6);
  const truth = [1, 0, 1, 1, 0, 0];
  const classes = [2, 0];
  const cases: [string, Float64Array, (v: Float64Array) => number][] = [
    [
      "sigmoid",
      sigmoidSlope(values, truth),
      (v) => sum(v.map((x, k) => Math.log(1 + Math.exp(-x)) + (truth[k] === 1 ? 0 : x))) / 6,
    ],
    [
      "softmax",
      softmaxSlope(values, 3, classes),
      (v) =>
        sum(
          classes.map((truth, row) => {
            const scores = v.subarray(row * 3, row * 3 + 3);
            return Math.log(sum(scores.map(Math.exp))) - (scores[truth] ?? 0);
          }),
        ) / 2,
    ],
    [
      "square",
      squareSlope(values, truth),
      (v) => sum(v.map((x, k) => (x - (truth[k] ?? 0)) ** 2)) / 12,
    ],
  ];

  it.each(cases)("%s: are those that small steps find", (_, slope, loss) => {
    values.forEach((value, k) => {
      const at = (x: number) => loss(values.map((other, i) => (i === k ? x : other)));
      expect(slope[k]).toBeCloseTo((at(value + STEP) - at(value - STEP)) / (2 * STEP), 6);
    });
  });
});

describe("a stack that absorbed the scaling of its inputs", () => {
  it("gives for raw inputs what it gave for scaled ones", () => {
    const random = new Random(5);
    const raw = numbers(random, ROWS * 3).map((x, k) => 100 * (k % 3) + 10 * x);
    const scaling = measureScaling(raw, 3);
    const stack = new DenseStack([3, 8, 1], random);
    const before = stack.forward(applyScaling(raw, scaling), ROWS);
    stack.absorb(scaling);
    stack.forward(raw, ROWS).forEach((value, row) => {
      expect(value).toBeCloseTo(before[row] ?? Number.NaN, 9);
    });
  });
});

describe("training", () => {
  it("learns what no linear function can: exclusive or", () => {
    const random = new Random(6);
    const inputs = Float64Array.of(0, 0, 0, 1, 1, 0, 1, 1);
    const truth = [0, 1, 1, 0];
    const stack = new DenseStack([2, 8, 1], random);
    train({
      parameters: stack.parameters,
      examples: 4,
      epochs: 400,
      batchSize: 4,
      learningRate: 0.03,
      random,
      step(examples) {
        const rows = Float64Array.from(
          [...examples].flatMap((e) => [...inputs.subarray(2 * e, 2 * e + 2)]),
        );
        const logits = stack.forward(rows, 4);
        const wanted = Array.from(examples, (e) => truth[e] ?? 0);
        stack.backward(sigmoidSlope(logits, wanted), 4);
      },
    });
    expect([...stack.forward(inputs, 4)].map((logit) => (logit > 0 ? 1 : 0))).toEqual(truth);
  });
});
