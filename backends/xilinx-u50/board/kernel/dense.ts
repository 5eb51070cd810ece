/**
 * Sums of products. Each weight is a number in the code and a weight of 0 is
 * nothing; only layers too large for that read their weights from a table.
 */

import type { ConvolutionNode, DenseNode } from "../../../common/fixed-point/network.ts";
import type { FixedPointType } from "../../../contract.ts";
import { cast, castLater, fits, fitted, fractionBits, variable } from "./cast.ts";
import { type Code, precomputed } from "./code.ts";
import { type Element, indexText, type Stage } from "./stage.ts";
import { constant, isExact, isInt32, named, plus, times, type Value } from "./value.ts";
import { type Flat, forEachWindow, moved, windowOffsets } from "./windows.ts";

/** What the outputs of a layer go through before they are stored. */
export type Finish = (stage: Stage, value: Value, element: Element) => void;

/** Products written out in one function: V8 optimises no function of more than 60 kB of bytecode. */
const PRODUCTS_PER_STAGE = 1000;
/** Products written out in one layer; beyond, its code would not stay in the cache. */
const PRODUCTS_WRITTEN_OUT = 16_384;

/** Groups of outputs, each for a stage of its own; undefined for a layer that is better kept as a table. */
export function outputGroups(node: DenseNode | ConvolutionNode): number[][] | undefined {
  const inputs = node.weights.length / node.nOut;
  const products = node.weights.reduce((count, weight) => count + Number(weight !== 0), 0);
  if (products > PRODUCTS_WRITTEN_OUT || inputs > PRODUCTS_PER_STAGE) return undefined;
  const groups: number[][] = [];
  let room = 0;
  for (let j = 0; j < node.nOut; j++) {
    const taken = nonZero(node, j).length + 1;
    if (room < taken) {
      groups.push([]);
      room = PRODUCTS_PER_STAGE;
    }
    groups.at(-1)?.push(j);
    room -= taken;
  }
  return groups;
}

/** Some outputs of each window, written out. */
export function denseStage(
  stage: Stage,
  node: DenseNode | ConvolutionNode,
  windows: Flat,
  outputs: readonly number[],
  finish: Finish,
): void {
  const offsets = windowOffsets(windows);
  const biases = castBiases(node);
  forEachWindow(stage, windows, node.nOut, (from, to) => {
    const inputs = new Map<number, Value>();
    const input = (i: number) => {
      const known = inputs.get(i);
      if (known !== undefined) return known;
      const value = stage.code.bind(stage.read(moved(from, offsets[i] as number)));
      inputs.set(i, value);
      return value;
    };
    for (const j of outputs) for (const i of nonZero(node, j)) input(i);
    for (const j of outputs) {
      const sum = new Sum(stage.code, node.accumType, biases[j] as number);
      for (const i of nonZero(node, j)) {
        const weight = node.weights[i * node.nOut + j] as number;
        sum.add(times(input(i), constant(weight, fractionBits(node.weightType))));
      }
      finish(stage, cast(stage.code, sum.total(), node.type), moved(to, j));
    }
  });
}

/** All outputs of each window, in loops over a table of weights. */
export function denseLoopStage(
  stage: Stage,
  node: DenseNode | ConvolutionNode,
  windows: Flat,
  finish: Finish,
): void {
  const { code } = stage;
  const { accumType, nOut } = node;
  const inputs = node.weights.length / nOut;
  const offsets = code.program.table(windowOffsets(windows));
  const weights = code.program.table(transposed(node.weights, nOut));
  const biases = code.program.table(castBiases(node));
  forEachWindow(stage, windows, nOut, (from, to) => {
    const [j, i, k, a] = unique(code, ["j", "i", "k", "a"]);
    code.line(`let ${k} = 0;`);
    code.block(`for (let ${j} = 0; ${j} < ${nOut}; ${j}++)`, () => {
      code.line(`let ${a} = ${biases.name}[${j}];`);
      let total = variable(a, accumType);
      code.block(`for (let ${i} = 0; ${i} < ${inputs}; ${i}++, ${k}++)`, () => {
        const place = `${offsets.name}[${i}]`;
        const input = stage.read({
          base: { code: `${indexText(from)} + ${place}`, multipleOf: 1 },
          offset: 0,
        });
        const f = fractionBits(node.weightType);
        const weight = named(`${weights.name}[${k}]`, weights.lo, weights.hi, f);
        const wide = castLater(code, times(input, weight), accumType);
        const atEnd =
          isExact(grown(a, accumType, wide, inputs)) &&
          Math.abs(wide.lo) < 2 ** 52 &&
          wide.hi < 2 ** 52;
        const product = code.bind(atEnd ? wide : fitted(code, wide, accumType));
        const before = atEnd ? grown(a, accumType, product, inputs - 1) : variable(a, accumType);
        const sum = plus(before, product);
        const later = atEnd && accumType.o === "WRAP";
        const kept = later ? short(sum, accumType) : fitted(code, sum, accumType);
        total = atEnd ? grown(a, accumType, product, inputs) : kept;
        total = named(a, total.lo, total.hi, total.f);
        code.line(`${a} = ${kept.code};`);
      });
      const output = { base: { code: `${indexText(to)} + ${j}`, multipleOf: 1 }, offset: 0 };
      finish(stage, cast(code, fitted(code, total, accumType), node.type), output);
    });
  });
}

/** A sum after `count` products: how far it gets where a type that wraps is wrapped at the end only. */
function grown(name: string, type: FixedPointType, product: Value, count: number): Value {
  const start = variable(name, type);
  if (type.o !== "WRAP") return start;
  if (type.w <= 32) return named(name, -(2 ** 31), 2 ** 31 - 1, start.f);
  const lo = start.lo + Math.min(0, product.lo) * count;
  const hi = start.hi + Math.max(0, product.hi) * count;
  return named(name, lo, hi, start.f);
}

/** 32 bits said to be 32 bits; also all that matters of a sum that will be wrapped to as many. */
function short(sum: Value, type: FixedPointType): Value {
  if (isInt32(sum)) return { ...sum, code: `(${sum.code} | 0)` };
  if (type.o !== "WRAP" || type.w > 32) return sum;
  return named(`(${sum.code} | 0)`, -(2 ** 31), 2 ** 31 - 1, sum.f);
}

/** A sum written out. While nothing can overflow, or overflow wraps, it stays one long expression. */
class Sum {
  readonly #code: Code;
  readonly #type: FixedPointType;
  #value: Value;
  #terms: string[];

  constructor(code: Code, type: FixedPointType, bias: number) {
    this.#code = code;
    this.#type = type;
    this.#value = constant(bias, fractionBits(type));
    this.#terms = bias === 0 ? [] : [this.#value.code];
  }

  add(product: Value): void {
    let term = castLater(this.#code, product, this.#type);
    if (!isExact(this.#with(term))) {
      this.#settle(true);
      term = fitted(this.#code, term, this.#type);
    }
    this.#value = this.#with(term);
    this.#terms.push(term.code);
    const left = this.#type.o !== "WRAP" && !fits(this.#value, this.#type);
    if (left || this.#terms.length >= TERMS) this.#settle(left);
  }

  total(): Value {
    this.#settle(true);
    return this.#value;
  }

  #with({ lo, hi }: Value): Value {
    return { ...this.#value, lo: this.#value.lo + lo, hi: this.#value.hi + hi };
  }

  /** The terms so far under one name; fitted to the type where `atType`. */
  #settle(atType: boolean): void {
    const text = this.#terms.length === 0 ? "0" : this.#terms.join(" + ");
    const sum = short({ ...this.#value, code: `(${text})` }, this.#type);
    this.#value = this.#code.bind(atType ? fitted(this.#code, sum, this.#type) : sum);
    this.#terms = [this.#value.code];
  }
}

/** Terms of one expression: the parser of V8 is recursive. */
const TERMS = 32;

function unique(code: Code, names: readonly [string, string, string, string]) {
  return names.map((name) => code.program.unique(name)) as [string, string, string, string];
}

function castBiases(node: DenseNode | ConvolutionNode): readonly number[] {
  return precomputed(node.bias, fractionBits(node.biasType), (code, bias) =>
    cast(code, bias, node.accumType),
  );
}

function nonZero(node: DenseNode | ConvolutionNode, output: number): number[] {
  const found: number[] = [];
  for (let k = output, i = 0; k < node.weights.length; k += node.nOut, i++) {
    if (node.weights[k] !== 0) found.push(i);
  }
  return found;
}

function transposed(weights: readonly number[], nOut: number): readonly number[] {
  const nIn = weights.length / nOut;
  return Array.from(weights, (_, n) => weights[(n % nIn) * nOut + Math.floor(n / nIn)] as number);
}
