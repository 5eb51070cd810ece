/** One artifact's rows through its executor, arrangement after arrangement, and what is said of them. */
import type { Datatype } from "../../../backends/contract.ts";
import type { ModelSignature } from "../../inference/request.ts";
import { Comparison } from "../../policy/equivalence/comparison.ts";
import { elementPairs } from "../../policy/equivalence/elements.ts";
import type {
  BatchInvariance,
  Equivalence,
  InvarianceCase,
} from "../../policy/equivalence/types.ts";
import type { Verdict } from "../catalog/types.ts";
import type { GoldenPair, GoldenRows } from "../golden/golden-files.ts";
import { Batches } from "./batches.ts";
import type { GateExecutor } from "./executor.ts";
import { RowHashes } from "./row-hashes.ts";
import { picked, Tally } from "./tally.ts";

export interface GateTrial {
  readonly signature: ModelSignature;
  readonly equivalence: Equivalence;
  /** Paths of the npz files. */
  readonly golden: { readonly inputs: string; readonly outputs: string };
  /** What the verdict says of itself. */
  readonly identity: Pick<Verdict, "artifact" | "golden" | "reference" | "software">;
  /** Loads the artifact. */
  executor(signal: AbortSignal): Promise<GateExecutor>;
  tell(doneRows: number, rows: number): void;
  readonly signal: AbortSignal;
  /** Monotonic ms. */
  now(): number;
  /** ISO 8601. */
  date(): string;
}

const FLOATS: readonly Datatype[] = ["BF16", "FP16", "FP32", "FP64"];
/** Inputs and outputs of one batch of the replay have at most so many bytes, unless a single row has more. */
const BATCH_BYTES = 8 * 1024 * 1024;
const MOST_BATCH_ROWS = 4096;
/** Of one element, of those that are not texts. */
const WIDEST_BYTES = 8;
/** Of the second replay: no multiple or divisor of the first's, so that no row comes to its old place. */
const OTHER_PLACES = 0.62;
/** Rows that are executed alone. */
const ALONE = 64;
/** Rows for them: more than for a replay, so that those of an image make more than one size. */
const SMALL_BATCHES_BYTES = 8 * BATCH_BYTES;
/** Around the powers of two that boards and libraries pad to. */
const SMALL_BATCHES = [2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 129, 255, 257];

export class Trial {
  readonly #trial: GateTrial;
  readonly #golden: GoldenPair;
  readonly #executor: GateExecutor;
  readonly #batches: Batches;
  readonly #comparison: Comparison;
  readonly #hashes: RowHashes;
  /** Which rows failed when they were first executed. */
  readonly #failedFirst: Uint8Array;
  readonly #cases: InvarianceCase[] = [];
  /** Golden rows outside the class when they were first executed, the first of them. */
  readonly #failing: number[] = [];
  #failingRows = 0;
  /** Outputs of floats, of which no golden number was finite yet. */
  readonly #notFinite: Set<string>;
  #doneRows = 0;

  constructor(trial: GateTrial, golden: GoldenPair, executor: GateExecutor) {
    this.#trial = trial;
    this.#golden = golden;
    this.#executor = executor;
    this.#batches = new Batches(
      ...([executor, trial.signature] as const),
      (input) => golden.shapeOf(input),
      (output) => golden.shapeOfOutput(output),
    );
    this.#comparison = this.#newComparison();
    this.#hashes = new RowHashes(golden.rows);
    this.#failedFirst = new Uint8Array(golden.rows);
    const floats = trial.signature.outputs.filter(({ datatype }) => FLOATS.includes(datatype));
    this.#notFinite = new Set(floats.map(({ name }) => name));
  }

  async run() {
    const size = this.#batchRows();
    await this.#replay(size);
    const result = this.#comparison.result;
    const [nothing] = this.#notFinite;
    if (nothing !== undefined) {
      const reason =
        `golden output '${nothing}' has not one finite number: nothing was compared, ` +
        "give golden inputs to which the model has an answer";
      const batchInvariance = { invariant: false, cases: [] };
      const { device } = this.#executor;
      const check = { passed: false, failedCheck: "numeric-equivalence", reason };
      return { device, outputs: result.outputs, batchInvariance, ...check };
    }
    const apart = result.passed || this.#failingRows === 0 ? [] : await this.#failHereOnly();
    if (this.#executor.maxBatchSize > 1) await this.#rearrange(size);
    else await this.#backwards();
    const { device } = this.#executor;
    const batchInvariance = this.#invariance();
    const base = { device, outputs: result.outputs, batchInvariance };
    const physics = result.physics === undefined ? {} : { physics: result.physics };
    const inCompany = this.#cases.find(({ failing }) => failing > 0);
    if (!result.passed && apart.length > 0) {
      const reason =
        `row ${apart[0]} is what it should be alone or elsewhere, and not in a batch of ${size}: ` +
        `${result.reason ?? "it fails"}`;
      return { ...base, ...physics, passed: false, failedCheck: "batch-invariance", reason };
    }
    if (!result.passed) {
      const reason = result.reason ?? "it is not what the reference computes";
      return { ...base, ...physics, passed: false, failedCheck: "numeric-equivalence", reason };
    }
    if (inCompany !== undefined) {
      const { arrangement, rows, failing, compared } = inCompany;
      const reason =
        `${failing} of ${compared} rows are outside the class in arrangement '${arrangement}' ` +
        `(batches of ${rows} rows), though not in batches of ${size}: an answer depends on its company`;
      return { ...base, ...physics, passed: false, failedCheck: "batch-invariance", reason };
    }
    return { ...base, ...physics, passed: true };
  }

  /** All rows, in batches of one size. */
  async #replay(size: number): Promise<void> {
    for await (const chunk of this.#golden.chunks(size)) {
      const got = await this.#batches.run(chunk.inputs, chunk.rows, this.#trial.signal);
      const numbers = numbersFrom(chunk.first, chunk.rows);
      const failed = this.#failedFirst.subarray(chunk.first, chunk.first + chunk.rows);
      const counts = this.#comparison.add(numbers, got, chunk.outputs, chunk.labels, failed);
      const slices = this.#batches.outputSlices(got, chunk.rows);
      this.#hashes.keep(chunk.first, chunk.rows, slices);
      this.#failingRows += counts.failing;
      if (counts.failing > 0 && this.#failing.length < ALONE) this.#noteFailing(chunk, got);
      this.#look(chunk);
      this.#progress(chunk.rows);
    }
  }

  /** NaN is NaN, whoever computes it: of rows that are nothing else nobody can tell who is right. */
  #look({ outputs }: GoldenRows): void {
    for (const name of this.#notFinite) {
      const datatype = this.#trial.signature.outputs.find((spec) => spec.name === name)?.datatype;
      const bytes = outputs.get(name) ?? new Uint8Array();
      if (datatype === undefined || datatype === "BYTES") continue;
      const { count, expected } = elementPairs(datatype, bytes, bytes);
      for (let at = 0; at < count; at += 1) {
        if (!Number.isFinite(expected(at))) continue;
        this.#notFinite.delete(name);
        break;
      }
    }
  }

  #noteFailing(chunk: GoldenRows, got: ReadonlyMap<string, Uint8Array>): void {
    const ours = this.#batches.outputSlices(got, chunk.rows);
    const theirs = this.#batches.outputSlices(chunk.outputs, chunk.rows);
    for (let row = 0; row < chunk.rows && this.#failing.length < ALONE; row += 1) {
      if (this.#judge(chunk.first + row, picked(ours, [row]), picked(theirs, [row])) > 0) {
        this.#failing.push(chunk.first + row);
      }
    }
  }

  /**
   * Each alone, and three times in a batch: first, in the middle and last.
   * @returns those of the failing rows that do not fail everywhere: their place or company is at fault
   */
  async #failHereOnly(): Promise<readonly number[]> {
    const { maxBatchSize } = this.#executor;
    if (maxBatchSize <= 1) return [];
    const innocent: number[] = [];
    for await (const { number, inputs, outputs } of this.#rowsOneByOne(new Set(this.#failing))) {
      for (const rows of [1, Math.min(3, maxBatchSize)]) {
        const places = Array<number>(rows).fill(0);
        const given = picked(this.#batches.inputSlices(inputs), places);
        const expected = picked(this.#batches.outputSlices(outputs, 1), places);
        const got = await this.#batches.run(given, rows, this.#trial.signal);
        const numbers = places.map(() => number);
        if (this.#newComparison().add(numbers, got, expected).failing === rows) continue;
        innocent.push(number);
        break;
      }
    }
    return innocent;
  }

  /** Without batches: some rows in another order, to find what is carried from one execution to the next. */
  async #backwards(): Promise<void> {
    for await (const chunk of this.#golden.chunks(this.#affordable(ALONE))) {
      await this.#arranged("elsewhere", 1, async (tally) => {
        for (let row = chunk.rows - 1; row >= 0; row -= 1) await tally.add(chunk, [row]);
      });
      break;
    }
  }

  async #rearrange(size: number): Promise<void> {
    await this.#elsewhere(size);
    await this.#alone();
    await this.#small(size);
    await this.#largest(size);
  }

  /** Every row once more, at another place of a batch of another size. */
  async #elsewhere(size: number): Promise<void> {
    const other = Math.max(1, Math.floor(size * OTHER_PLACES) | 1);
    await this.#arranged("elsewhere", other, async (tally) => {
      for await (const chunk of this.#golden.chunks(other)) {
        await tally.add(chunk, numbersFrom(0, chunk.rows));
        this.#progress(chunk.rows);
      }
    });
  }

  async #alone(): Promise<void> {
    for await (const chunk of this.#golden.chunks(this.#affordable(ALONE))) {
      await this.#arranged("alone", 1, async (tally) => {
        for (let row = 0; row < chunk.rows; row += 1) await tally.add(chunk, [row]);
      });
      break;
    }
  }

  /** Sizes that boards pad, each at a row of its own to begin with. */
  async #small(size: number): Promise<void> {
    const sizes = SMALL_BATCHES.filter(
      (rows) => rows <= Math.min(size, this.#executor.maxBatchSize),
    );
    const most = this.#affordable(Math.max(...SMALL_BATCHES) * 2, SMALL_BATCHES_BYTES);
    for await (const chunk of this.#golden.chunks(most)) {
      for (const rows of sizes.filter((each) => each <= chunk.rows)) {
        const first = (rows * 7) % (chunk.rows - rows + 1);
        const order = numbersFrom(first, rows).reverse();
        await this.#arranged("padded", rows, (tally) => tally.add(chunk, order));
      }
      break;
    }
  }

  /** As many rows as the model takes, the golden ones over and over. */
  async #largest(size: number): Promise<void> {
    const { maxBatchSize } = this.#executor;
    for await (const chunk of this.#golden.chunks(size)) {
      const bytes = [...chunk.inputs.values()].reduce((sum, part) => sum + part.byteLength, 0);
      const affordable = Math.floor((4 * BATCH_BYTES * chunk.rows) / Math.max(1, bytes));
      const rows = Math.min(maxBatchSize, affordable);
      if (rows > chunk.rows) {
        const order = Array.from({ length: rows }, (_, at) => at % chunk.rows);
        await this.#arranged("batch", rows, (tally) => tally.add(chunk, order));
      }
      break;
    }
  }

  /** Executes the rows that `work` gives it, and keeps what came of it. */
  async #arranged(
    arrangement: InvarianceCase["arrangement"],
    rows: number,
    work: (tally: Tally) => Promise<void>,
  ): Promise<void> {
    const tally = new Tally(
      {
        equivalence: this.#trial.equivalence,
        batches: this.#batches,
        signal: this.#trial.signal,
        hashes: this.#hashes,
        failedFirst: this.#failedFirst,
        newComparison: () => this.#newComparison(),
      },
      arrangement,
      rows,
    );
    await work(tally);
    this.#cases.push(tally.result);
  }

  /** @returns 1: the row is outside its class */
  #judge(
    number: number,
    got: ReadonlyMap<string, Uint8Array>,
    expected: ReadonlyMap<string, Uint8Array>,
  ): number {
    return this.#newComparison().add([number], got, expected).failing;
  }

  async *#rowsOneByOne(wanted: ReadonlySet<number>) {
    let left = wanted.size;
    for await (const chunk of this.#golden.chunks(this.#affordable(MOST_BATCH_ROWS))) {
      const inputs = this.#batches.inputSlices(chunk.inputs);
      const outputs = this.#batches.outputSlices(chunk.outputs, chunk.rows);
      for (let row = 0; row < chunk.rows; row += 1) {
        if (!wanted.has(chunk.first + row)) continue;
        yield {
          number: chunk.first + row,
          inputs: picked(inputs, [row]),
          outputs: picked(outputs, [row]),
        };
        left -= 1;
        if (left === 0) return;
      }
    }
  }

  #newComparison(): Comparison {
    return new Comparison(this.#trial.equivalence, this.#trial.signature.outputs);
  }

  #batchRows(): number {
    const { maxBatchSize } = this.#executor;
    return maxBatchSize <= 1 ? 1 : this.#affordable(Math.min(maxBatchSize, MOST_BATCH_ROWS));
  }

  /** So many rows, or as many of them as may be in memory at once. */
  #affordable(rows: number, bytes = BATCH_BYTES): number {
    return Math.min(rows, affordableRows(this.#trial.signature, this.#golden, bytes));
  }

  #invariance(): BatchInvariance {
    return { invariant: this.#cases.every(({ differing }) => differing === 0), cases: this.#cases };
  }

  #progress(rows: number): void {
    this.#doneRows += rows;
    const passes = this.#executor.maxBatchSize > 1 ? 2 : 1;
    this.#trial.tell(this.#doneRows, passes * this.#golden.rows);
  }
}

/** Rows of the golden files whose inputs and outputs have so many bytes; at least one. */
function affordableRows(
  { inputs, outputs }: ModelSignature,
  golden: Pick<GoldenPair, "shapeOf" | "shapeOfOutput">,
  bytes: number,
): number {
  const shapes = [
    ...inputs.map(({ name }) => golden.shapeOf(name)),
    ...outputs.map(({ name }) => golden.shapeOfOutput(name)),
  ];
  const elements = (shape: readonly number[]) =>
    shape.reduce((product, axis) => product * axis, WIDEST_BYTES);
  const rowBytes = shapes.reduce((sum, shape) => sum + elements(shape), 0);
  return Math.max(1, Math.floor(bytes / Math.max(1, rowBytes)));
}

function numbersFrom(first: number, rows: number): number[] {
  return Array.from({ length: rows }, (_, at) => first + at);
}
