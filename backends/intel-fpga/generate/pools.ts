/** Averages and maxima under a window, channel by channel. */
import type { PoolNode } from "../../common/fixed-point/network.ts";
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import { cast } from "./cast.ts";
import { kindOf, type Range, rangeAmong, targetOf } from "./exact.ts";
import type { Program, Row } from "./program.ts";
import { as, constant, element, sum, type Value } from "./value.ts";
import { eachTap, eachWindow } from "./windows.ts";

export function pool(program: Program, node: PoolNode, source: Row): Row {
  const { channels } = node;
  const kept = node.op === "max_pool" ? greatest(program, node, source) : average(program, node);
  const { range } = cast(program, kept.finished("a"), node.type);
  const result = program.row(node.elements, range, fractionBitsOf(node.type), node.type);
  eachWindow(program, node, (position, row, column) => {
    program.loop(channels, (c) => {
      const name = program.fresh("a");
      program.line(`${program.vector(kept.kind)} ${name} = ${kept.start};`);
      eachTap(program, node, row, column, (pixel) => {
        const x = element(source, `(${pixel}) * ${channels} + ${c}`);
        program.line(`${name} = ${kept.step(name, x)};`);
      });
      const value = cast(program, kept.finished(name), node.type);
      const place = `${position} * ${channels} + ${c}`;
      program.line(`${result.name}[${place}] = ${as(program, value, result.kind)};`);
    });
  });
  return result;
}

/** What is kept while the pixels of a window come by. */
interface Kept {
  readonly kind: Value["kind"];
  readonly start: string;
  readonly step: (name: string, x: Value) => string;
  readonly finished: (name: string) => Value;
}

function greatest(program: Program, { accumType }: PoolNode, source: Row): Kept {
  const { kind, range, fraction } = source;
  const least: Range = { lo: range.lo, hi: range.lo };
  return {
    kind,
    start: as(program, constant(program, least.lo, fraction), kind),
    step: (name, x) => `max(${name}, ${x.text})`,
    finished: (name) => cast(program, { text: name, kind, range, fraction }, accumType),
  };
}

function average(program: Program, { accumType, windowHeight, windowWidth }: PoolNode): Kept {
  const range = targetOf(accumType);
  const fraction = fractionBitsOf(accumType);
  const kind = kindOf(range);
  const pixels = BigInt(windowHeight * windowWidth);
  const quotients = rangeAmong([range.lo / pixels, range.hi / pixels]);
  return {
    kind,
    start: `(${program.vector(kind)})(0)`,
    step: (name, x) => {
      const before: Value = { text: name, kind, range, fraction };
      return as(program, cast(program, sum(program, before, x), accumType), kind);
    },
    finished: (name) => {
      const text = `(${name} / (${kind})${pixels})`;
      return cast(program, { text, kind, range: quotients, fraction }, accumType);
    },
  };
}
