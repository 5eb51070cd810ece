/** Softmax by tables. */
import type { LegacySoftmaxNode, SoftmaxNode } from "../../common/fixed-point/network.ts";
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import { cast } from "./cast.ts";
import { greatestOf } from "./elementwise.ts";
import { castConstant, rangeAmong, targetOf } from "./exact.ts";
import { look, scaledIndex, tableOf, topBits } from "./lookups.ts";
import type { Program, Row } from "./program.ts";
import { assign, rowOf } from "./rows.ts";
import { treeSum } from "./tree-sum.ts";
import { as, constant, difference, element, product, sum, type Value } from "./value.ts";

export function softmax(program: Program, node: SoftmaxNode, source: Row): Row {
  const { sumType, expTable, inverseTable, inverseInputType: inverseInput } = node;
  const fraction = fractionBitsOf(sumType);
  const powers = tableOf(program, expTable, node.expType, sumType);
  const inverses = program.table(inverseTable.map(BigInt));
  const [exps, terms] = [0, 1].map(() =>
    rowOf(program, { ...node, type: sumType }, targetOf(sumType)),
  ) as [Row, Row];
  const indexed = indexOf(program, node, source);
  program.loop(node.elements, (e) => {
    const index = topBits(indexed(e), node.differenceType, expTable.length);
    assign(program, exps, e, look(program, powers, index, fraction));
    program.line(`${terms.name}[${e}] = ${exps.name}[${e}];`);
  });
  const total = cast(program, treeSum(program, terms), inverseInput);
  const index = topBits(total, inverseInput, inverseTable.length);
  const inverse = look(program, inverses, index, fractionBitsOf(node.inverseType));
  const name = program.fresh("a");
  program.line(`const ${program.vector(inverse.kind)} ${name} = ${inverse.text};`);
  const at = (e: string) => {
    return cast(program, product(program, element(exps, e), { ...inverse, text: name }), node.type);
  };
  const row = rowOf(program, node, at("0").range);
  program.loop(node.elements, (e) => assign(program, row, e, at(e)));
  return row;
}

/** What the exponentials are looked up by. */
function indexOf(program: Program, node: SoftmaxNode, source: Row): (e: string) => Value {
  if (node.op === "softmax_latency") return (e) => element(source, e);
  const most: Value = { ...element(source, "0"), text: greatestOf(program, source) };
  return (e) => {
    const x = element(source, e);
    const [a, b] = node.difference === "x-max" ? [x, most] : [most, x];
    return cast(program, difference(program, a, b), node.differenceType);
  };
}

export function legacySoftmax(program: Program, node: LegacySoftmaxNode, source: Row): Row {
  const { tableType, expTable, inverseTable, elements } = node;
  const size = expTable.length;
  const fraction = fractionBitsOf(tableType);
  const powers = program.table(expTable.map(BigInt));
  const one = constant(program, castConstant(1, 0, tableType), fraction);
  const inverses = tableOf(program, inverseTable, tableType, node.type);
  const row = rowOf(program, node, inverses.range);
  const total = rowOf(program, { ...node, elements: 1, type: tableType }, targetOf(tableType));
  const term = rowOf(
    program,
    { ...node, elements: 1, type: tableType },
    rangeAmong([powers.range.lo, powers.range.hi, one.range.lo]),
  );
  const [before, power] = [element(total, "0"), element(term, "0")];
  program.loop(elements, (i) => {
    program.line(`${before.text} = 0;`);
    program.loop(elements, (j) => {
      const away = difference(program, element(source, j), element(source, i));
      const index = scaledIndex(program, away, size, 4, Math.floor(size / 2));
      const other = look(program, powers, index, fraction);
      program.line(`if (${i} == ${j}) ${power.text} = ${as(program, one, term.kind)};`);
      program.line(`else ${power.text} = ${as(program, other, term.kind)};`);
      assign(program, total, "0", cast(program, sum(program, before, power), tableType));
    });
    const index = scaledIndex(program, before, size, 6, 0);
    assign(program, row, i, look(program, inverses, index, fractionBitsOf(node.type)));
  });
  return row;
}
