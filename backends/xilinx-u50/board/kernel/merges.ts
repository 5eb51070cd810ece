/** Ops of several tensors, and sums over a whole row. */
import type {
  ConcatenateNode,
  DotNode,
  PairNode,
  SumOfSquaresNode,
} from "../../../common/fixed-point/network.ts";
import { cast, variable } from "./cast.ts";
import type { Finish } from "./dense.ts";
import { treeSum } from "./softmax.ts";
import { at, type Element, indexText, type Stage } from "./stage.ts";
import { minus, plus, times } from "./value.ts";

const PAIRS = { add: plus, subtract: minus, multiply: times };

export function pairStage(stage: Stage, node: PairNode, finish: Finish): void {
  stage.forEach(node.elements, (element) => {
    const result = PAIRS[node.op](stage.read(element), stage.read(element, 1));
    finish(stage, cast(stage.code, result, node.type), element);
  });
}

export function dotStage(stage: Stage, node: DotNode, finish: Finish): void {
  const { code } = stage;
  const sum = variable(code.program.unique("sum"), node.accumType);
  code.line(`let ${sum.code} = 0;`);
  stage.forEach(stage.sources[0]?.elements ?? 0, (element) => {
    const product = cast(code, times(stage.read(element), stage.read(element, 1)), node.accumType);
    const next = cast(code, plus(sum, product), node.accumType);
    code.line(`${sum.code} = ${next.code};`);
  });
  finish(stage, cast(code, sum, node.type), at(0));
}

export function concatenateStage(stage: Stage, node: ConcatenateNode, finish: Finish): void {
  let start = 0;
  stage.sources.forEach(({ elements }, source) => {
    stage.forEach(elements, (element) => {
      const value = stage.code.bind(stage.read(element, source));
      finish(stage, cast(stage.code, value, node.type), behind(element, start));
    });
    start += elements;
  });
}

function behind(element: Element, by: number): Element {
  if (element.base === undefined) return at(element.offset + by);
  return { base: { code: `${indexText(element)} + ${by}`, multipleOf: 1 }, offset: 0 };
}

export function sumOfSquaresStage(stage: Stage, node: SumOfSquaresNode, finish: Finish): void {
  const { code } = stage;
  const elements = stage.sources[0]?.elements ?? 0;
  const squares = Array.from({ length: elements }, (_, n) => {
    const x = code.bind(stage.read(at(n)));
    return code.bind(cast(code, times(x, x), node.squareType));
  });
  finish(stage, cast(code, treeSum(code, squares, node.squareType), node.type), at(0));
}
