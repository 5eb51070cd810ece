/** Rows of the nodes: declared, and written element by element. */
import type { NetworkTensor } from "../../common/fixed-point/network.ts";
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import type { Range } from "./exact.ts";
import type { Program, Row } from "./program.ts";
import { as, element, type Value } from "./value.ts";

/** Declares the row of a node; `range` is what its elements can be. */
export function rowOf(program: Program, { elements, type }: NetworkTensor, range: Range): Row {
  return program.row(elements, range, fractionBitsOf(type), type);
}

export function assign(program: Program, row: Row, index: string, value: Value): void {
  program.line(`${row.name}[${index}] = ${as(program, value, row.kind)};`);
}

/** A row with an element for each of `source`. */
export function each(
  program: Program,
  node: NetworkTensor,
  source: Row,
  result: (x: Value, index: string) => Value,
): Row {
  const row = rowOf(program, node, result(element(source, "0"), "0").range);
  program.loop(node.elements, (e) => assign(program, row, e, result(element(source, e), e)));
  return row;
}
