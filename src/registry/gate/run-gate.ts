/**
 * The numeric-equivalence gate: every golden row is executed twice, in batches of different sizes and
 * so at different places, and some of them alone, in small batches, in the largest one. All of it must
 * be what the declared class allows; what is not even once fails the artifact.
 */
import { toStatusError } from "../../errors.ts";
import type { ModelSignature } from "../../inference/request.ts";
import { Comparison } from "../../policy/equivalence/comparison.ts";
import type {
  BatchInvariance,
  Equivalence,
  InvarianceCase,
} from "../../policy/equivalence/types.ts";
import type { Verdict } from "../catalog/types.ts";
import { GoldenPair, type GoldenRows } from "../golden/golden-files.ts";
import { Batches } from "./batches.ts";
import type { GateExecutor } from "./executor.ts";
import { RowHashes } from "./row-hashes.ts";

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

/** Inputs and outputs of one batch of the replay have at most so many bytes. */
const BATCH_BYTES = 8 * 1024 * 1024;
const MOST_BATCH_ROWS = 4096;
/** Of the second replay: no multiple or divisor of the first's, so that no row comes to its old place. */
const OTHER_PLACES = 0.62;
/** Rows that are executed alone. */
const ALONE = 64;
/** Around the powers of two that boards and libraries pad to. */
const SMALL_BATCHES = [2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 129, 255, 257];

const NO_DEVICE = { id: "none", vendor: "none", platform: "none", emulated: false };

/** @throws only where the golden files cannot be read, or `signal` ends it */
export async function runGate(trial: GateTrial): Promise<Verdict> {
  const { signature, equivalence, identity, signal, now, date } = trial;
  const start = now();
  const golden = await GoldenPair.open(signature, trial.golden);
  const begun = {
    verdict: 1 as const,
    model: signature.name,
    version: signature.version,
    ...identity,
    equivalence,
    rows: golden.rows,
  };
  const finish = (rest: Omit<Verdict, keyof typeof begun | "at" | "tookMs">): Verdict => {
    return { ...begun, ...rest, at: date(), tookMs: Math.round(now() - start) };
  };
  const failed = (failedCheck: string, reason: string, device: Verdict["device"]) =>
    finish({
      device,
      passed: false,
      failedCheck,
      reason,
      outputs: [],
      batchInvariance: { invariant: false, cases: [] },
    });
  let executor: GateExecutor | undefined;
  try {
    try {
      executor = await trial.executor(signal);
    } catch (cause) {
      signal.throwIfAborted();
      return failed("load", toStatusError(cause).message, NO_DEVICE);
    }
    try {
      return finish(await new Trial(trial, golden, executor).run());
    } catch (cause) {
      signal.throwIfAborted();
      return failed("execution", toStatusError(cause).message, executor.device);
    }
  } finally {
    golden.close();
    await executor?.close();
  }
}

class Trial {
  readonly #trial: GateTrial;
  readonly #golden: GoldenPair;
  readonly #executor: GateExecutor;
  readonly #batches: Batches;
  readonly #comparison: Comparison;
  readonly #hashes: RowHashes;
  readonly #cases: InvarianceCase[] = [];
  /** Golden rows outside the class when they were first executed, the first of them. */
  readonly #failing: number[] = [];
  #failingRows = 0;
  #doneRows = 0;

  constructor(trial: GateTrial, golden: GoldenPair, executor: GateExecutor) {
    this.#trial = trial;
    this.#golden = golden;
    this.#executor = executor;
    this.#batches = new Batches(executor, trial.signature, (input) => golden.shapeOf(input));
    this.#comparison = this.#newComparison();
    this.#hashes = new RowHashes(golden.rows);
  }

  async run() {
    const size = this.#batchRows();
    await this.#replay(size);
    const result = this.#comparison.result;
    const apart = result.passed || this.#failingRows === 0 ? [] : await this.#failAlone();
    if (this.#executor.maxBatchSize > 1) await this.#rearrange(size);
    const { device } = this.#executor;
    const batchInvariance = this.#invariance();
    const base = { device, outputs: result.outputs, batchInvariance };
    const physics = result.physics === undefined ? {} : { physics: result.physics };
    const inCompany = this.#cases.find(({ failing }) => failing > 0);
    if (!result.passed && apart.length > 0) {
      const reason =
        `row ${apart[0]} is what it should be alone, and not in a batch of ${size}: ` +
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
      const counts = this.#comparison.add(numbers, got, chunk.outputs, chunk.labels);
      const slices = this.#batches.outputSlices(got, chunk.rows);
      this.#hashes.keep(chunk.first, chunk.rows, slices);
      this.#failingRows += counts.failing;
      if (counts.failing > 0 && this.#failing.length < ALONE) this.#noteFailing(chunk, got);
      this.#progress(chunk.rows);
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

  /** @returns those of the failing rows that do not fail alone: their company is at fault */
  async #failAlone(): Promise<readonly number[]> {
    if (this.#executor.maxBatchSize <= 1) return [];
    const innocent: number[] = [];
    for await (const { number, inputs, outputs } of this.#rowsOneByOne(new Set(this.#failing))) {
      const got = await this.#batches.run(inputs, 1, this.#trial.signal);
      if (this.#judge(number, got, outputs) === 0) innocent.push(number);
    }
    return innocent;
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
    const tally = this.#tally("elsewhere", other);
    for await (const chunk of this.#golden.chunks(other)) {
      await tally.add(chunk, numbersFrom(0, chunk.rows));
      this.#progress(chunk.rows);
    }
    tally.done();
  }

  async #alone(): Promise<void> {
    const tally = this.#tally("alone", 1);
    for await (const chunk of this.#golden.chunks(ALONE)) {
      for (let row = 0; row < chunk.rows; row += 1) await tally.add(chunk, [row]);
      break;
    }
    tally.done();
  }

  /** Sizes that boards pad, each at a row of its own to begin with. */
  async #small(size: number): Promise<void> {
    const sizes = SMALL_BATCHES.filter(
      (rows) => rows <= Math.min(size, this.#executor.maxBatchSize),
    );
    for await (const chunk of this.#golden.chunks(Math.max(...SMALL_BATCHES) * 2)) {
      for (const rows of sizes.filter((each) => each <= chunk.rows)) {
        const tally = this.#tally("padded", rows);
        const first = (rows * 7) % (chunk.rows - rows + 1);
        await tally.add(chunk, numbersFrom(first, rows).reverse());
        tally.done();
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
        const tally = this.#tally("batch", rows);
        await tally.add(
          chunk,
          Array.from({ length: rows }, (_, at) => at % chunk.rows),
        );
        tally.done();
      }
      break;
    }
  }

  /** What came of one arrangement. */
  #tally(arrangement: InvarianceCase["arrangement"], rows: number) {
    let [compared, differing, failing] = [0, 0, 0];
    return {
      /** Executes rows of the chunk as one batch, in the order given. */
      add: async (chunk: GoldenRows, order: readonly number[]) => {
        const inputs = picked(this.#batches.inputSlices(chunk.inputs), order);
        const expected = this.#batches.outputSlices(chunk.outputs, chunk.rows);
        const got = await this.#batches.run(inputs, order.length, this.#trial.signal);
        const slices = this.#batches.outputSlices(got, order.length);
        const comparison = this.#newComparison();
        const numbers = order.map((row) => chunk.first + row);
        const labels = chunk.labels && order.map((row) => chunk.labels?.[row] ?? 0);
        const counts = comparison.add(numbers, got, picked(expected, order), labels);
        compared += order.length;
        failing += this.#isPhysics ? 0 : counts.failing;
        for (const [at, number] of numbers.entries()) {
          if (!this.#hashes.same(number, slices, at)) differing += 1;
        }
      },
      done: () => this.#cases.push({ arrangement, rows, compared, differing, failing }),
    };
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
    for await (const chunk of this.#golden.chunks(MOST_BATCH_ROWS)) {
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

  /** Decisions are judged by their number, in all of the replay. */
  get #isPhysics(): boolean {
    return this.#trial.equivalence.class.kind === "physics";
  }

  #batchRows(): number {
    const { maxBatchSize } = this.#executor;
    if (maxBatchSize <= 1) return 1;
    const { inputs } = this.#trial.signature;
    const rowBytes = inputs.reduce((sum, { name }) => {
      return sum + this.#golden.shapeOf(name).reduce((product, axis) => product * axis, 8);
    }, 1);
    const affordable = Math.max(1, Math.floor(BATCH_BYTES / rowBytes));
    return Math.min(maxBatchSize, MOST_BATCH_ROWS, affordable);
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

function picked(
  slices: ReadonlyMap<string, { pick(rows: readonly number[]): Uint8Array }>,
  rows: readonly number[],
): ReadonlyMap<string, Uint8Array> {
  return new Map([...slices].map(([name, each]) => [name, each.pick(rows)]));
}

function numbersFrom(first: number, rows: number): number[] {
  return Array.from({ length: rows }, (_, at) => first + at);
}
