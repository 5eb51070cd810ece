/** The errors of one output, row by row as they come, in memory that does not grow. */
import type { Datatype } from "../../../backends/contract.ts";
import { type ElementPairs, elementPairs } from "./elements.ts";
import { type Judge, judgeOf } from "./judge.ts";
import type { EquivalenceClass, OutputErrors, WorstElement } from "./types.ts";

const MOST_WORST = 10;

const EDGES = {
  ulp: [0, ...Array.from({ length: 21 }, (_, power) => 2 ** power)],
  lsb: [0, 0.5, ...Array.from({ length: 17 }, (_, power) => 2 ** power)],
  abs: [0, ...Array.from({ length: 13 }, (_, at) => 10 ** (at - 10))],
} as const;

export class OutputComparison {
  readonly #name: string;
  readonly #datatype: Datatype;
  readonly #class: EquivalenceClass;
  readonly #judge: Judge;
  readonly #counts: number[];
  /** Largest first. */
  readonly #worst: WorstElement[] = [];
  #elements = 0;
  #failing = 0;
  #differing = 0;
  #maxAbs = 0;
  #maxRel = 0;
  #maxUlp = 0;

  constructor(name: string, datatype: Datatype, equivalence: EquivalenceClass) {
    this.#name = name;
    this.#datatype = datatype;
    this.#class = equivalence;
    this.#judge = judgeOf(equivalence, datatype);
    this.#counts = new Array(EDGES[this.#judge.unit].length + 1).fill(0);
  }

  /**
   * @param rowNumbers of the golden file, one a row
   * @param failed set to 1 at the positions of rows with an element outside the class
   * @param differed likewise for rows that are not the same bits
   */
  add(
    rowNumbers: ArrayLike<number>,
    got: Uint8Array,
    expected: Uint8Array,
    failed: Uint8Array,
    differed: Uint8Array,
  ): void {
    const rows = rowNumbers.length;
    if (rows === 0) return;
    if (this.#datatype === "BYTES") {
      this.#addTexts(rowNumbers, got, expected, failed, differed);
      return;
    }
    if (got.byteLength !== expected.byteLength) {
      this.#elements += rows;
      this.#failing += rows;
      this.#differing += rows;
      failed.fill(1);
      differed.fill(1);
      return;
    }
    const pairs = elementPairs(this.#datatype, got, expected);
    const width = pairs.count / rows;
    this.#elements += pairs.count;
    for (let at = 0; at < pairs.count; at += 1) {
      if (pairs.same(at)) {
        this.#counts[0] = (this.#counts[0] ?? 0) + 1;
        continue;
      }
      const row = Math.floor(at / width);
      differed[row] = 1;
      if (!this.#compare(pairs, at, rowNumbers[row] ?? 0, at - row * width)) failed[row] = 1;
    }
  }

  get result(): OutputErrors {
    return {
      name: this.#name,
      datatype: this.#datatype,
      class: this.#class,
      passed: this.#failing === 0,
      elements: this.#elements,
      failing: this.#failing,
      differing: this.#differing,
      maxAbs: finite(this.#maxAbs),
      maxRel: finite(this.#maxRel),
      maxUlp: finite(this.#maxUlp),
      histogram: {
        unit: this.#judge.unit,
        edges: EDGES[this.#judge.unit],
        counts: [...this.#counts],
      },
      worst: this.#worst.map((each) => ({ ...each, error: finite(each.error) })),
    };
  }

  /** @returns whether the class allows it */
  #compare(pairs: ElementPairs, at: number, row: number, element: number): boolean {
    this.#differing += 1;
    const error = this.#judge.error(pairs, at);
    const distance = pairs.distance(at);
    const far = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
    this.#maxAbs = Math.max(this.#maxAbs, far);
    const size = Math.abs(pairs.expected(at));
    if (size > 0) this.#maxRel = Math.max(this.#maxRel, far / size);
    this.#maxUlp = Math.max(this.#maxUlp, pairs.ulp(at));
    this.#count(error);
    const allowed = this.#judge.allowed(pairs, at, error);
    if (!allowed) this.#failing += 1;
    const last = this.#worst.at(-1);
    if (this.#worst.length < MOST_WORST || error > (last?.error ?? 0)) {
      const [got, expected] = [shown(pairs.got(at)), shown(pairs.expected(at))];
      this.#keep({ row, element, got, expected, error });
    }
    return allowed;
  }

  #count(error: number): void {
    const edges = EDGES[this.#judge.unit];
    let bin = edges.findIndex((edge) => error <= edge);
    if (bin < 0) bin = edges.length;
    this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
  }

  #keep(element: WorstElement): void {
    const place = this.#worst.findIndex(({ error }) => error < element.error);
    this.#worst.splice(place < 0 ? this.#worst.length : place, 0, element);
    if (this.#worst.length > MOST_WORST) this.#worst.pop();
  }

  /** Texts are the same or not. */
  #addTexts(
    rowNumbers: ArrayLike<number>,
    got: Uint8Array,
    expected: Uint8Array,
    failed: Uint8Array,
    differed: Uint8Array,
  ): void {
    const [a, b] = [textsOf(got), textsOf(expected)];
    const width = b.length / rowNumbers.length;
    this.#elements += b.length;
    for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
      const same = a[at] !== undefined && a[at] === b[at];
      this.#count(same ? 0 : Number.POSITIVE_INFINITY);
      if (same) continue;
      const position = Math.min(rowNumbers.length - 1, Math.floor(at / width));
      failed[position] = 1;
      differed[position] = 1;
      this.#failing += 1;
      this.#differing += 1;
      this.#maxUlp = Number.POSITIVE_INFINITY;
      this.#keep({
        row: rowNumbers[position] ?? 0,
        element: at - position * width,
        got: (a[at] ?? "nothing").slice(0, 100),
        expected: (b[at] ?? "nothing").slice(0, 100),
        error: Number.POSITIVE_INFINITY,
      });
    }
  }
}

/** What is infinitely far is as far as a number of JSON goes. */
function finite(value: number): number {
  return Math.min(value, Number.MAX_VALUE);
}

/** JSON has no NaN and no infinities. */
function shown(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** Elements with their lengths before them, as latin-1: the bytes count, not the letters. */
function textsOf(bytes: Uint8Array): readonly string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  for (let at = 0; at + 4 <= bytes.byteLength; ) {
    const length = view.getUint32(at, true);
    let text = "";
    for (const byte of bytes.subarray(at + 4, at + 4 + length)) text += String.fromCharCode(byte);
    texts.push(text);
    at += 4 + length;
  }
  return texts;
}
