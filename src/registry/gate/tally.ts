/** What came of one arrangement of the golden rows. */
import type { Comparison } from "../../policy/equivalence/comparison.ts";
import type { Equivalence, InvarianceCase } from "../../policy/equivalence/types.ts";
import type { GoldenRows } from "../golden/golden-files.ts";
import type { RowSlices } from "../golden/rows-of.ts";
import type { Batches } from "./batches.ts";
import type { RowHashes } from "./row-hashes.ts";

export interface TallyParts {
  readonly equivalence: Equivalence;
  readonly batches: Batches;
  readonly signal: AbortSignal;
  /** Of what came out the first time. */
  readonly hashes: RowHashes;
  /** 1: the row was outside its class, or decided otherwise, the first time. */
  readonly failedFirst: Uint8Array;
  newComparison(): Comparison;
}

export class Tally {
  readonly #parts: TallyParts;
  readonly #arrangement: InvarianceCase["arrangement"];
  readonly #rows: number;
  readonly #comparison: Comparison;
  #compared = 0;
  #differing = 0;
  #failing = 0;
  /** Rows that are not what they were the first time: inside their class, or decided as the reference does. */
  #changed = 0;

  /** @param rows of its batches */
  constructor(parts: TallyParts, arrangement: InvarianceCase["arrangement"], rows: number) {
    this.#parts = parts;
    this.#arrangement = arrangement;
    this.#rows = rows;
    this.#comparison = parts.newComparison();
  }

  /** Executes rows of the chunk as one batch, in the order given. */
  async add(chunk: GoldenRows, order: readonly number[]): Promise<void> {
    const { batches, hashes, failedFirst, signal } = this.#parts;
    const inputs = picked(batches.inputSlices(chunk.inputs), order);
    const expected = picked(batches.outputSlices(chunk.outputs, chunk.rows), order);
    const got = await batches.run(inputs, order.length, signal);
    const slices = batches.outputSlices(got, order.length);
    const numbers = order.map((row) => chunk.first + row);
    const labels = chunk.labels && order.map((row) => chunk.labels?.[row] ?? 0);
    const failed = new Uint8Array(order.length);
    this.#failing += this.#comparison.add(numbers, got, expected, labels, failed).failing;
    this.#compared += order.length;
    for (const [at, number] of numbers.entries()) {
      if (!hashes.same(number, slices, at)) this.#differing += 1;
      if (failedFirst[number] !== failed[at]) this.#changed += 1;
    }
  }

  get result(): InvarianceCase {
    return {
      arrangement: this.#arrangement,
      rows: this.#rows,
      compared: this.#compared,
      differing: this.#differing,
      failing: this.#refused,
    };
  }

  /**
   * A class of physics is about many rows. Where all were executed they are judged like the first time; of a few it
   * is asked whether more decisions change than the class allows between two artifacts.
   */
  get #refused(): number {
    const { class: given } = this.#parts.equivalence;
    if (given.kind !== "physics") return this.#failing;
    const { minAgreement, maxEfficiencyDifference } = given;
    const allowed = minAgreement === undefined ? maxEfficiencyDifference : 1 - minAgreement;
    if (allowed !== undefined && this.#changed > allowed * this.#compared) return this.#changed;
    const all = this.#compared >= this.#parts.failedFirst.length;
    return !all || this.#comparison.result.passed ? 0 : Math.max(1, this.#failing);
  }
}

/** These rows of every tensor, as copies. */
export function picked(
  slices: ReadonlyMap<string, Pick<RowSlices, "pick">>,
  rows: readonly number[],
): ReadonlyMap<string, Uint8Array> {
  return new Map([...slices].map(([name, each]) => [name, each.pick(rows)]));
}
