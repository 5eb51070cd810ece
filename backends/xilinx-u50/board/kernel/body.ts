/** Which code is written for which op, for all ops that move no window. */
import type {
  ConvolutionNode,
  DenseNode,
  NetworkNode,
  PoolNode,
} from "../../../common/fixed-point/network.ts";
import { BackendError, type FixedPointType } from "../../../contract.ts";
import type { Finish } from "./dense.ts";
import { type ElementwiseNode, elementwise } from "./elementwise.ts";
import { concatenateStage, dotStage, pairStage, sumOfSquaresStage } from "./merges.ts";
import { argmaxStage, legacySoftmaxStage, softmaxStage } from "./softmax.ts";
import { at, type Stage } from "./stage.ts";

/** Ops that are written out element by element, or even pair by pair, and the longest rows for that. */
const LONGEST: Readonly<Record<string, number>> = {
  softmax_latency: 4096,
  softmax_stable: 4096,
  softmax_argmax: 4096,
  softmax_legacy: 64,
  sum_of_squares: 4096,
  offset_shift: 4096,
};

/** @param types of the node's inputs */
export function writeBody(
  stage: Stage,
  node: Exclude<NetworkNode, DenseNode | ConvolutionNode | PoolNode>,
  types: readonly FixedPointType[],
  finish: Finish,
): void {
  const longest = LONGEST[node.op] ?? Infinity;
  const elements = stage.sources[0]?.elements ?? 0;
  if (elements > longest) {
    const what = `${elements} elements, and the emulated board takes at most ${longest} of this op`;
    throw new BackendError("artifact", what);
  }
  switch (node.op) {
    case "add":
    case "subtract":
    case "multiply":
      pairStage(stage, node, finish);
      break;
    case "dot":
      dotStage(stage, node, finish);
      break;
    case "concatenate":
      concatenateStage(stage, node, finish);
      break;
    case "sum_of_squares":
      sumOfSquaresStage(stage, node, finish);
      break;
    case "softmax_latency":
    case "softmax_stable":
      softmaxStage(stage, node, types[0] as FixedPointType, finish);
      break;
    case "softmax_legacy":
      legacySoftmaxStage(stage, node, finish);
      break;
    case "softmax_argmax":
      argmaxStage(stage, node, finish);
      break;
    default:
      elementwiseStage(stage, node, finish);
  }
}

function elementwiseStage(stage: Stage, node: ElementwiseNode, finish: Finish): void {
  if (node.op !== "offset_shift") {
    stage.forEach(node.elements, (element) => {
      const value = stage.code.bind(stage.read(element));
      finish(stage, elementwise(stage, node, value, element), element);
    });
    return;
  }
  // Each element has a shift of its own, so there is no loop.
  for (let n = 0; n < node.elements; n++) {
    const value = elementwise(stage, node, stage.read(at(n)), at(n));
    finish(stage, stage.code.bind(value), at(n));
  }
}
