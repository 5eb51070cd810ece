/** Ops of several inputs, and those that make one number of a row. */
import type {
  ConcatenateNode,
  DotNode,
  PairNode,
  SumOfSquaresNode,
} from "../../common/fixed-point/network.ts";
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import { cast } from "./cast.ts";
import { rangeAmong, targetOf } from "./exact.ts";
import type { Program, Row } from "./program.ts";
import { assign, rowOf } from "./rows.ts";
import { treeSum } from "./tree-sum.ts";
import { difference, element, product, sum, type Value } from "./value.ts";

export function pair(program: Program, node: PairNode, [a, b]: readonly [Row, Row]): Row {
  const combine = { add: sum, subtract: difference, multiply: product }[node.op];
  const at = (e: string) =>
    cast(program, combine(program, element(a, e), element(b, e)), node.type);
  const row = rowOf(program, node, at("0").range);
  program.loop(node.elements, (e) => assign(program, row, e, at(e)));
  return row;
}

export function dot(program: Program, node: DotNode, [a, b]: readonly [Row, Row]): Row {
  const { accumType } = node;
  const total = program.row(1, targetOf(accumType), fractionBitsOf(accumType), accumType);
  const before = element(total, "0");
  program.line(`${before.text} = 0;`);
  program.loop(a.elements, (e) => {
    const term = cast(program, product(program, element(a, e), element(b, e)), accumType);
    assign(program, total, "0", cast(program, sum(program, before, term), accumType));
  });
  const value = cast(program, before, node.type);
  const row = rowOf(program, node, value.range);
  assign(program, row, "0", value);
  return row;
}

export function concatenate(program: Program, node: ConcatenateNode, sources: readonly Row[]): Row {
  const at = (source: Row, e: string): Value => cast(program, element(source, e), node.type);
  const ranges = sources.map((source) => at(source, "0").range);
  const row = rowOf(program, node, rangeAmong(ranges.flatMap(({ lo, hi }) => [lo, hi])));
  let first = 0;
  for (const source of sources) {
    program.loop(source.elements, (e) => assign(program, row, `${first} + ${e}`, at(source, e)));
    first += source.elements;
  }
  return row;
}

export function sumOfSquares(program: Program, node: SumOfSquaresNode, source: Row): Row {
  const { squareType } = node;
  const at = (e: string) => {
    const x = element(source, e);
    const square = product(program, x, x);
    const [p, q] = [x.range.lo * x.range.lo, x.range.hi * x.range.hi];
    return cast(program, { ...square, range: { lo: 0n, hi: p > q ? p : q } }, squareType);
  };
  const squares = program.row(
    source.elements,
    targetOf(squareType),
    fractionBitsOf(squareType),
    squareType,
  );
  program.loop(source.elements, (e) => assign(program, squares, e, at(e)));
  const value = cast(program, treeSum(program, squares), node.type);
  const row = rowOf(program, node, value.range);
  assign(program, row, "0", value);
  return row;
}
