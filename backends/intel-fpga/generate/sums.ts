/** Weighted sums: dense layers and convolutions, a few outputs side by side for each input that is read. */
import type { ConvolutionNode, DenseNode, NetworkNode } from "../../common/fixed-point/network.ts";
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import { type Accumulation, accumulationOf } from "./accumulation.ts";
import { cast } from "./cast.ts";
import { castConstant } from "./exact.ts";
import type { Program, Row, Table } from "./program.ts";
import { as, element, entry, type Value } from "./value.ts";
import { eachTap, eachWindow } from "./windows.ts";

type Weighted = (DenseNode | ConvolutionNode) & NetworkNode;

/** Outputs that are summed side by side. */
const BLOCK = 4;

export function dense(program: Program, node: DenseNode, source: Row): Row {
  const sums = new Sums(program, node, source);
  program.loop(node.positions, (p) => {
    sums.emit(p, (tap) => {
      program.loop(node.nIn, (i) => tap(`${p} * ${node.nIn} + ${i}`, i));
    });
  });
  return sums.result;
}

export function convolution(program: Program, node: ConvolutionNode, source: Row): Row {
  const sums = new Sums(program, node, source);
  const { channels } = node;
  eachWindow(program, node, (position, row, column) => {
    sums.emit(position, (tap) => {
      eachTap(program, node, row, column, (pixel, place) => {
        program.loop(channels, (c) => {
          tap(`(${pixel}) * ${channels} + ${c}`, `(${place}) * ${channels} + ${c}`);
        });
      });
    });
  });
  return sums.result;
}

/** Says which input meets which row of weights, for all of a window. */
type Taps = (tap: (input: string, weightRow: string) => void) => void;

class Sums {
  readonly result: Row;
  readonly #program: Program;
  readonly #node: Weighted;
  readonly #source: Row;
  readonly #bias: Table;
  readonly #weights: Table;
  readonly #accumulation: Accumulation;

  constructor(program: Program, node: Weighted, source: Row) {
    this.#program = program;
    this.#node = node;
    this.#source = source;
    const { bias, biasType, accumType, nOut } = node;
    const starts = bias.map((raw) => castConstant(raw, fractionBitsOf(biasType), accumType));
    this.#bias = program.table(starts);
    this.#weights = program.table(inBlocks(node.weights, nOut));
    this.#accumulation = accumulationOf(program, node, source, starts);
    const { range } = cast(program, this.#accumulation.finished("a"), node.type);
    this.result = program.row(node.elements, range, fractionBitsOf(node.type), node.type);
  }

  /** All outputs of the window at `position`. */
  emit(position: string, taps: Taps): void {
    const { nOut, weights } = this.#node;
    const inputs = weights.length / nOut;
    const whole = nOut - (nOut % BLOCK);
    if (whole > 0) {
      this.#program.loop(
        whole,
        (j) => this.#block(`${position} * ${nOut} + ${j}`, j, `${j} * ${inputs}`, BLOCK, taps),
        BLOCK,
      );
    }
    if (whole === nOut) return;
    const first = `${position} * ${nOut} + ${whole}`;
    this.#block(first, `${whole}`, `${whole * inputs}`, nOut - whole, taps);
  }

  #block(first: string, firstBias: string, firstWeight: string, width: number, taps: Taps): void {
    const program = this.#program;
    const node = this.#node;
    const accumulation = this.#accumulation;
    const sums = Array.from({ length: width }, () => program.fresh("a"));
    program.line("{");
    sums.forEach((name, n) => {
      const start = entry(program, this.#bias, `${firstBias} + ${n}`, 0);
      program.line(accumulation.start(name, start));
    });
    taps((input, weightRow) => {
      const x = element(this.#source, input);
      program.line("{");
      program.line(`const ${program.vector(x.kind)} x = ${x.text};`);
      sums.forEach((name, n) => {
        const place = `${firstWeight} + (${weightRow}) * ${width} + ${n}`;
        const weight = entry(program, this.#weights, place, fractionBitsOf(node.weightType));
        program.line(accumulation.step(name, { ...x, text: "x" }, weight));
      });
      program.line("}");
    });
    sums.forEach((name, n) => {
      const value: Value = cast(program, accumulation.finished(name), node.type);
      program.line(
        `${this.result.name}[${first} + ${n}] = ${as(program, value, this.result.kind)};`,
      );
    });
    program.line("}");
  }
}

/** [in][out] as [block of outputs][in][output of the block]. */
function inBlocks(weights: readonly number[], outputs: number): bigint[] {
  const inputs = weights.length / outputs;
  const ordered: bigint[] = [];
  for (let j = 0; j < outputs; ) {
    const width = outputs - j >= BLOCK ? BLOCK : outputs - j;
    for (let i = 0; i < inputs; i++) {
      for (let n = 0; n < width; n++) ordered.push(BigInt(weights[i * outputs + j + n] ?? 0));
    }
    j += width;
  }
  return ordered;
}
