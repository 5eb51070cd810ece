/** All outputs of an artifact against those of the reference. */
import type { Datatype } from "../../../backends/contract.ts";
import { elementPairs } from "./elements.ts";
import { OutputComparison } from "./output-comparison.ts";
import { DecisionComparison, exceeded, type PhysicsClass } from "./physics.ts";
import type { Equivalence, EquivalenceClass, OutputErrors, PhysicsFigures } from "./types.ts";

export interface OutputSpec {
  readonly name: string;
  readonly datatype: Datatype;
}

/** Of rows that were compared together. */
export interface RowCounts {
  /** With an element outside its class; with a class of physics: decided otherwise. */
  readonly failing: number;
  /** Not the same bits. */
  readonly differing: number;
}

export interface ComparisonResult {
  readonly passed: boolean;
  /** In words, with the worst row; undefined: it passed. */
  readonly reason: string | undefined;
  readonly outputs: readonly OutputErrors[];
  readonly physics: PhysicsFigures | undefined;
}

export class Comparison {
  readonly #specs: readonly OutputSpec[];
  readonly #outputs = new Map<string, OutputComparison>();
  readonly #physics: PhysicsClass | undefined;
  readonly #decisions: DecisionComparison | undefined;

  constructor(equivalence: Equivalence, outputs: readonly OutputSpec[]) {
    this.#specs = outputs;
    for (const { name, datatype } of outputs) {
      this.#outputs.set(name, new OutputComparison(name, datatype, classOf(equivalence, name)));
    }
    this.#physics = equivalence.class.kind === "physics" ? equivalence.class : undefined;
    this.#decisions = this.#physics && new DecisionComparison(this.#physics);
  }

  /**
   * @param rowNumbers of the golden file, one a row
   * @param got, expected raw elements of these rows, by output
   * @param labels one a row, where there are any
   * @param failed set to 1 at the positions of rows that are failing
   */
  add(
    rowNumbers: ArrayLike<number>,
    got: ReadonlyMap<string, Uint8Array>,
    expected: ReadonlyMap<string, Uint8Array>,
    labels?: ArrayLike<number>,
    failed: Uint8Array = new Uint8Array(rowNumbers.length),
  ): RowCounts {
    const rows = rowNumbers.length;
    const differed = new Uint8Array(rows);
    for (const [name, comparison] of this.#outputs) {
      const [ours, theirs] = [got.get(name), expected.get(name)];
      if (theirs === undefined) continue; // nobody knows what it should be
      comparison.add(rowNumbers, ours ?? new Uint8Array(), theirs, failed, differed);
    }
    this.#decide(rows, got, expected, failed, labels);
    return { failing: count(failed), differing: count(differed) };
  }

  get result(): ComparisonResult {
    const outputs = [...this.#outputs.values()].map(({ result }) => result);
    const physics = this.#decisions?.figures;
    const reason =
      (this.#physics && physics && exceeded(this.#physics, physics)) ??
      outputs.map(reasonOf).find((text) => text !== undefined);
    return { passed: reason === undefined, reason, outputs, physics };
  }

  #decide(
    rows: number,
    got: ReadonlyMap<string, Uint8Array>,
    expected: ReadonlyMap<string, Uint8Array>,
    failed: Uint8Array,
    labels: ArrayLike<number> | undefined,
  ): void {
    if (this.#physics === undefined || rows === 0) return;
    const { output, element = 0 } = this.#physics;
    const datatype = this.#specs.find(({ name }) => name === output)?.datatype;
    const [ours, theirs] = [got.get(output), expected.get(output)];
    if (datatype === undefined || datatype === "BYTES" || theirs === undefined) return;
    const fits = ours !== undefined && ours.byteLength === theirs.byteLength;
    const pairs = elementPairs(datatype, fits ? ours : theirs, theirs);
    const width = pairs.count / rows;
    for (let row = 0; row < rows; row += 1) {
      const at = row * width + element;
      const score = fits ? pairs.got(at) : Number.NaN;
      const alike = this.#decisions?.add(score, pairs.expected(at), labels?.[row] ?? Number.NaN);
      if (alike === false) failed[row] = 1;
    }
  }
}

/** The class that an output is judged by. */
export function classOf(
  { class: general, outputs = {} }: Equivalence,
  name: string,
): EquivalenceClass {
  return (Object.hasOwn(outputs, name) ? outputs[name] : undefined) ?? general;
}

function reasonOf({ name, passed, failing, elements, class: judged, worst }: OutputErrors) {
  if (passed) return undefined;
  const [first] = worst;
  const where =
    first === undefined
      ? "it has another number of elements"
      : `the worst is element ${first.element} of row ${first.row}: ${first.got}, expected ${first.expected}`;
  return `output '${name}': ${failing} of ${elements} elements are outside ${describeClass(judged)}; ${where}`;
}

/** As people write it. */
export function describeClass(equivalence: EquivalenceClass): string {
  switch (equivalence.kind) {
    case "bit-exact":
      return "bit-exact";
    case "ulp":
      return `ulp ≤ ${equivalence.max}`;
    case "abs-rel":
      return `${equivalence.abs} + ${equivalence.rel} · |expected|`;
    case "fixed-point":
      return `${equivalence.lsb} LSB of ap_fixed<${equivalence.w}, ${equivalence.i}>`;
    case "physics":
      return `decisions by '${equivalence.output}' ≥ ${equivalence.threshold}`;
  }
}

const count = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0);
