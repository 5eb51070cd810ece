/**
 * How a sum of products is kept. hls4ml casts every product and every partial sum; where that
 * cannot change a bit, less is done:
 *
 * - "free": no partial sum can leave the accumulator, so none is cast;
 * - "modular": the accumulator wraps, so that the low bits of the sum are enough until the end;
 * - "stepwise": every partial sum is cast.
 */
import type { ConvolutionNode, DenseNode } from "../../common/fixed-point/network.ts";
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import { cast, convert } from "./cast.ts";
import {
  bitsOf,
  holds,
  type Kind,
  kindOf,
  type Range,
  rangeAmong,
  rounded,
  sumRange,
  type Target,
  targetOf,
} from "./exact.ts";
import type { Program, Row } from "./program.ts";
import { as, product, sum, type Value } from "./value.ts";

export interface Accumulation {
  /** Declares the sum `name`. */
  start(name: string, from: Value): string;
  /** Adds a product to it. */
  step(name: string, x: Value, weight: Value): string;
  /** What it has become. */
  finished(name: string): Value;
}

export function accumulationOf(
  program: Program,
  node: DenseNode | ConvolutionNode,
  source: Row,
  starts: readonly bigint[],
): Accumulation {
  const target = targetOf(node.accumType);
  const fraction = fractionBitsOf(node.accumType);
  const shift = fraction - source.fraction - fractionBitsOf(node.weightType);
  const bounds = boundsOf(node, source, starts, shift, target);
  if (bounds !== undefined) return free(program, bounds, { target, shift, fraction });
  if (target.overflow === "wrap") return modular(program, { target, shift, fraction });
  return stepwise(program, node);
}

interface Casting {
  readonly target: Target;
  /** From a product to the accumulator. */
  readonly shift: number;
  readonly fraction: number;
}

/** Of all partial sums; undefined where a product or one of them may not fit the accumulator. */
function boundsOf(
  { weights }: DenseNode | ConvolutionNode,
  { range }: Row,
  starts: readonly bigint[],
  shift: number,
  target: Target,
): Range | undefined {
  const terms = new Map<number, Range>();
  const termOf = (weight: number) => {
    let term = terms.get(weight);
    if (term === undefined) {
      const ends = [range.lo, range.hi].map((end) =>
        rounded(end * BigInt(weight), shift, target.rounding),
      );
      term = rangeAmong([0n, ...ends]);
      terms.set(weight, term);
    }
    return term;
  };
  let all: Range = { lo: 0n, hi: 0n };
  const outputs = starts.length;
  for (const [j, start] of starts.entries()) {
    let bounds: Range = { lo: start, hi: start };
    for (let at = j; at < weights.length; at += outputs) {
      const term = termOf(weights[at] ?? 0);
      if (!holds(target, term)) return undefined;
      bounds = sumRange(bounds, term);
    }
    if (!holds(target, bounds)) return undefined;
    all = rangeAmong([all.lo, all.hi, bounds.lo, bounds.hi]);
  }
  return all;
}

function free(program: Program, range: Range, { target, shift, fraction }: Casting): Accumulation {
  const kind = kindOf(range);
  const vector = program.vector(kind);
  return {
    start: (name, from) => `${vector} ${name} = ${as(program, from, kind)};`,
    step: (name, x, weight) => {
      const term = convert(program, product(program, x, weight), shift, target, fraction);
      return `${name} += ${as(program, term, kind)};`;
    },
    finished: (name) => ({ text: name, kind, range, fraction }),
  };
}

function modular(program: Program, { target, shift, fraction }: Casting): Accumulation {
  const kind: Kind = target.bits <= 32 ? "int" : "long";
  const unsigned = program.vector(`u${kind}`);
  const low = (value: Value) => {
    return value.kind === kind
      ? `as_${unsigned}(${value.text})`
      : `convert_${unsigned}(${value.text})`;
  };
  /** Rounded only: what does not fit is cut off at the end. */
  const rounding = (value: Value) => {
    const everything = rangeAmong(
      [value.range.lo, value.range.hi].map((end) => rounded(end, shift, target.rounding)),
    );
    return convert(program, value, shift, { ...target, ...everything }, fraction);
  };
  return {
    start: (name, from) => `${unsigned} ${name} = ${low(from)};`,
    step: (name, x, weight) => {
      if (shift < 0) return `${name} += ${low(rounding(product(program, x, weight)))};`;
      if (shift >= bitsOf(kind)) return `${name} += 0;`;
      return `${name} += (${low(x)} * ${low(weight)}) << ${shift};`;
    },
    finished: (name) => {
      const half = 1n << BigInt(bitsOf(kind) - 1);
      const range = { lo: -half, hi: half - 1n };
      const whole: Value = { text: `as_${program.vector(kind)}(${name})`, kind, range, fraction };
      return convert(program, whole, 0, target, fraction);
    },
  };
}

function stepwise(program: Program, { accumType }: DenseNode | ConvolutionNode): Accumulation {
  const range = targetOf(accumType);
  const fraction = fractionBitsOf(accumType);
  const kind = kindOf(range);
  const vector = program.vector(kind);
  return {
    start: (name, from) => `${vector} ${name} = ${as(program, from, kind)};`,
    step: (name, x, weight) => {
      const term = cast(program, product(program, x, weight), accumType);
      const before: Value = { text: name, kind, range, fraction };
      return `${name} = ${as(program, cast(program, sum(program, before, term), accumType), kind)};`;
    },
    finished: (name) => ({ text: name, kind, range, fraction }),
  };
}
