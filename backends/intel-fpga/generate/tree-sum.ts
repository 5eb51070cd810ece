/** Sums in a balanced tree, as `nnet_utils`' `Reduce` makes them. */
import { cast } from "./cast.ts";
import type { Program, Row } from "./program.ts";
import { assign } from "./rows.ts";
import { element, sum, type Value } from "./value.ts";

/**
 * The sum of a row whose elements are of the type of all partial sums; the row is used up. Neighbours
 * are added, then neighbouring sums: to the left of each lie 1, 2, 4, ... elements.
 */
export function treeSum(program: Program, row: Row): Value {
  if (row.elements > 1) {
    program.line(`for (int reach = 1; reach < ${row.elements}; reach *= 2) {`);
    program.line(`for (int e = 0; e + reach < ${row.elements}; e += 2 * reach) {`);
    const total = sum(program, element(row, "e"), element(row, "e + reach"));
    assign(program, row, "e", cast(program, total, row.type));
    program.line("}");
    program.line("}");
  }
  return element(row, "0");
}
