/**
 * One instance as the scheduler drives it: batches are written into its rooms
 * and executed, up to one more than the device runs at once, so that the next
 * batch waits in the worker and the device never waits for the gateway.
 */
import { BYTES_PER_ELEMENT, type TensorSpec } from "../../backends/contract.ts";
import { type BatchPlan, planBatch, writeBatch } from "../inference/batch.ts";
import type { ExecutionTiming } from "../inference/outcome.ts";
import type { InferRequest, Parameters } from "../inference/request.ts";
import { sequenceKey } from "../inference/sequence-key.ts";
import type { Instance, MemberNote, Room, Run, RunOutput, RunResult } from "../workers/types.ts";

export { type Instance, type RunOutput, type RunResponse, WorkerLost } from "../workers/types.ts";

/** A batch that ran. Its outputs are views: use them, then `release`. */
export interface Executed {
  readonly outputs: readonly RunOutput[];
  readonly timing: ExecutionTiming;
  readonly instance: Instance;
  release(): void;
}

/** Who takes the responses of a decoupled model as they come, see `Run`. */
export type ResponseSink = Required<Pick<Run, "onResponse" | "signal">>;

/** What an execution must pass before it starts, where executions are limited. */
export interface Gate {
  /** True: one may start now. Whoever finds it closed is told when to look again. */
  readonly open: boolean;
  /** An execution starts; only while `open`. */
  take(): void;
  /** It is over. */
  give(): void;
  /** The instance is gone. */
  leave(): void;
}

/** What keeps batches from a device that fails, see `breaker.ts`. */
export interface Fuse {
  readonly closed: boolean;
  guard<T>(work: () => Promise<T>): Promise<T>;
}

export class Lane {
  readonly instance: Instance;
  readonly #now: () => number;
  /** Executions given to the worker and not finished. */
  running = 0;
  /** Rows of the execution given last. */
  lastRows = 0;
  /** What the device has done. */
  readonly work = { executions: 0, rows: 0, busyUs: 0 };
  /** When the device began with what it runs now, monotonic ms. */
  busySince = 0;
  #occupied = 0;
  /** Largest output bytes per row seen, for outputs whose size the configuration leaves open. */
  #outputBytesPerRow: number;

  readonly gate: Gate | undefined;
  readonly #fuse: Fuse | undefined;
  #retiring = false;
  #onEmpty: (() => void) | undefined;

  constructor(instance: Instance, now: () => number, gate?: Gate, fuse?: Fuse) {
    this.instance = instance;
    this.gate = gate;
    this.#fuse = fuse;
    this.#now = now;
    this.#outputBytesPerRow = fixedBytesPerRow(instance.variant.outputs);
  }

  /** True when a batch given now would start at once. */
  get idle(): boolean {
    if (!this.#open || this.running >= this.instance.report.maxInFlight) return false;
    return this.gate === undefined || this.gate.open;
  }

  /** True when one more batch may wait in the worker behind those that run. */
  get takesOneAhead(): boolean {
    if (this.gate !== undefined) return false;
    return this.#open && this.running === this.instance.report.maxInFlight;
  }

  /** True while it may be given batches: its worker lives, its device is well, nobody takes it away. */
  get inService(): boolean {
    return this.instance.ready && this.allowed && !this.#retiring;
  }

  /** False while its device is only probed. */
  get allowed(): boolean {
    return this.#fuse === undefined || this.#fuse.closed;
  }

  /** Takes no more batches. Resolves when those that run are done with. */
  retire(): Promise<void> {
    this.#retiring = true;
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#noticeEmpty();
    });
  }

  #noticeEmpty(): void {
    if (this.#occupied === 0) this.#onEmpty?.();
  }

  get #open(): boolean {
    return this.inService && this.#occupied <= this.instance.report.maxInFlight;
  }

  /**
   * Runs the requests as one batch. Only while `idle` or `takesOneAhead`.
   * @param sink present for a decoupled model; there are no outputs at the end then
   * @throws WorkerLost, BackendError (as rejections), or a RangeError for want of room.
   */
  async execute(requests: readonly InferRequest[], sink?: ResponseSink): Promise<Executed> {
    const plan = planBatch(requests);
    const outputBytes = 64 * this.instance.variant.outputs.length;
    const room = this.instance.room(
      plan.byteLength + Math.ceil(this.#outputBytesPerRow * plan.rows) + outputBytes,
    );
    if (!room) throw new RangeError(`instance ${this.instance.id} has no room left`);
    this.#occupied += 1;
    const release = () => {
      this.#occupied -= 1;
      room.release();
      this.#noticeEmpty();
    };
    try {
      const start = this.#now();
      writeBatch(requests, plan, room.bytes);
      const writtenUs = (this.#now() - start) * 1000;
      if (this.running === 0) this.busySince = start;
      this.running += 1;
      this.lastRows = plan.rows;
      const result = await this.#run(requests, plan, room, sink);
      this.#learnOutputSize(result.outputs, plan.rows);
      const { inputUs, inferUs, outputUs } = result.timing;
      this.work.executions += 1;
      this.work.rows += plan.rows;
      this.work.busyUs += inferUs;
      return {
        outputs: result.outputs,
        timing: { inputUs: writtenUs + inputUs, inferUs, outputUs },
        instance: this.instance,
        release,
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #run(
    requests: readonly InferRequest[],
    plan: BatchPlan,
    room: Room,
    sink: ResponseSink | undefined,
  ): Promise<RunResult> {
    this.gate?.take();
    try {
      const run: Run = {
        room,
        inputs: plan.inputs,
        outputOffset: plan.byteLength,
        outputs: wantedOutputs(requests, this.instance.variant.outputs.length),
        memberRows: plan.memberRows,
        notes: notesOf(requests, this.instance.variant.states !== undefined),
        ...sink,
      };
      if (this.#fuse === undefined) return await this.instance.run(run);
      return await this.#fuse.guard(() => this.instance.run(run));
    } finally {
      this.gate?.give();
      this.running -= 1;
      this.busySince = this.#now();
    }
  }

  #learnOutputSize(outputs: readonly RunOutput[], rows: number): void {
    let bytes = 0;
    for (const output of outputs) bytes += output.data.byteLength;
    this.#outputBytesPerRow = Math.max(this.#outputBytesPerRow, bytes / rows);
  }
}

/** Every output that some request asked for, ascending. */
function wantedOutputs(requests: readonly InferRequest[], count: number): readonly number[] {
  const wanted = new Set<number>();
  for (const { outputs } of requests) {
    for (const index of outputs) wanted.add(index);
    if (wanted.size === count) break;
  }
  return [...wanted].toSorted((a, b) => a - b);
}

/** Bytes of one row of all outputs of known size; those of open size count as nothing until seen. */
function fixedBytesPerRow(outputs: readonly TensorSpec[]): number {
  let bytes = 0;
  for (const { datatype, shape } of outputs) {
    if (datatype === "BYTES" || shape.includes(-1)) continue;
    bytes += shape.reduce((product, axis) => product * axis, BYTES_PER_ELEMENT[datatype]);
  }
  return bytes;
}

/** undefined where no request has anything to tell the backend beside its tensors. */
function notesOf(
  requests: readonly InferRequest[],
  ofSequences: boolean,
): readonly MemberNote[] | undefined {
  if (!ofSequences && requests.every((request) => !request.parameters)) return undefined;
  return requests.map(({ sequence, parameters }) => ({
    // A model without sequences takes no notice of them; the filling of an empty slot has none.
    ...(ofSequences &&
      sequence &&
      sequence.ready !== false && {
        sequence: { id: sequenceKey(sequence.id), start: sequence.start, end: sequence.end },
      }),
    ...(parameters && { parameters: plainValues(parameters) }),
  }));
}

function plainValues(parameters: Parameters): Record<string, boolean | number | string> {
  const plain: Record<string, boolean | number | string> = {};
  for (const [key, { value }] of parameters) {
    plain[key] = typeof value === "bigint" ? String(value) : value;
  }
  return plain;
}
