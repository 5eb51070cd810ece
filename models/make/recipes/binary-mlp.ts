/** What the recipes of one-probability networks share: rows of features, yes or no. */
import { DenseStack } from "../nn/dense-stack.ts";
import { sigmoidSlope } from "../nn/losses.ts";
import { applyScaling, measureScaling } from "../nn/scaling.ts";
import { gatherRows, train } from "../nn/train.ts";
import type { Random } from "../random.ts";

export interface BinaryTask {
  /** [examples, widths[0]]. */
  readonly inputs: Float32Array;
  /** 0 or 1. */
  readonly truth: Uint8Array;
  /** Of the layers, inputs first, 1 last. */
  readonly widths: readonly number[];
  readonly epochs: number;
  readonly batchSize: number;
}

/** A stack that takes the inputs in their own units and gives one logit. */
export function trainBinary(task: BinaryTask, random: Random): DenseStack {
  const width = task.widths[0] as number;
  const scaling = measureScaling(task.inputs, width);
  const scaled = applyScaling(task.inputs, scaling);
  const stack = new DenseStack(task.widths, random);
  train({
    parameters: stack.parameters,
    examples: task.truth.length,
    epochs: task.epochs,
    batchSize: task.batchSize,
    learningRate: 3e-3,
    random,
    step(examples) {
      const logits = stack.forward(gatherRows(scaled, width, examples), examples.length);
      const truth = Uint8Array.from(examples, (example) => task.truth[example] as number);
      stack.backward(sigmoidSlope(logits, truth), examples.length);
    },
  });
  stack.absorb(scaling);
  return stack;
}
