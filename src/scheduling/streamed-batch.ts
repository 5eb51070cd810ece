/**
 * A batch of a decoupled model while it runs: every response goes to its request
 * as it comes. A request that got one is not run again: its client would get it twice.
 */
import { StatusError, toStatusError } from "../errors.ts";
import type { Account, ExecutionTiming, ResponseOutcome } from "../inference/outcome.ts";
import { waitedUs } from "../inference/provenance.ts";
import type {
  InferResponse,
  ModelSignature,
  OutputTensor,
  Parameters,
} from "../inference/request.ts";
import { outputBytes } from "../inference/request-bytes.ts";
import { clientShape } from "../inference/split-outputs.ts";
import {
  type Instance,
  type ResponseSink,
  type RunOutput,
  type RunResponse,
  WorkerLost,
} from "../pool/lane.ts";
import { ENDED, type Endings, rowsOfClients } from "./endings.ts";
import type { Entry } from "./entry.ts";
import { statusOf } from "./recovery.ts";

export interface StreamedBatchParts {
  readonly signature: ModelSignature;
  readonly endings: Endings;
  readonly account: Account;
  /** That runs it. */
  readonly instance: Instance;
}

export class StreamedBatch {
  readonly #parts: StreamedBatchParts;
  readonly #batch: readonly Entry[];
  /** Responses to each member so far. */
  readonly #responses: number[];
  /** Members that were ended before the run was. */
  readonly #over: boolean[] = [];
  /** By member: of the responses sent so far. */
  readonly #bytesOut: number[];
  readonly #abort = new AbortController();
  readonly #origin: Parameters | undefined;
  readonly #rows: number;
  readonly sink: ResponseSink;

  constructor(parts: StreamedBatchParts, batch: readonly Entry[]) {
    this.#parts = parts;
    this.#batch = batch;
    this.#responses = batch.map(() => 0);
    this.#bytesOut = batch.map(() => 0);
    this.#origin = parts.endings.origin(parts.instance);
    this.#rows = batch.reduce((sum, { request }) => sum + request.rows, 0);
    this.sink = {
      onResponse: (response) => this.#respond(response),
      signal: this.#abort.signal,
    };
    for (const { call } of batch) {
      // The fillings of empty slots share a call, which is nobody's.
      if (call !== ENDED) call.onCancel = () => this.#memberCancelled();
    }
  }

  /** The run is over, and so is every request of it. */
  end(timing: ExecutionTiming): void {
    const { device } = this.#parts.instance.report;
    const execution = { timing, device, rows: rowsOfClients(this.#batch) };
    for (const [member, entry] of this.#batch.entries()) {
      if (this.#over[member]) continue;
      if (!entry.call.cancelled) this.#count(member, "empty", timing.inferUs, 0);
      const bytesOut = this.#bytesOut[member] ?? 0;
      this.#parts.endings.streamed(entry, this.#answer(entry, []), execution, bytesOut);
    }
  }

  /**
   * The run failed: ends the requests that have responses already.
   * @returns the others, fillings of empty slots included; they may run again
   */
  fail(error: unknown): Entry[] {
    const status = error instanceof WorkerLost ? brokenOff(error) : statusOf(error);
    return this.#batch.filter((entry, member) => {
      if (this.#over[member]) return false;
      if (this.#responses[member] === 0 || entry.call.cancelled) return true;
      this.#count(member, "fail", 0, 0);
      this.#parts.endings.failed(entry, status, "BACKEND");
      return false;
    });
  }

  #memberCancelled(): void {
    if (this.#batch.every(({ call }) => call.cancelled)) this.#abort.abort();
  }

  #respond({ member, outputs, inferUs, outputUs }: RunResponse): void {
    const entry = this.#batch[member];
    if (entry === undefined || this.#over[member]) return;
    const { call, request } = entry;
    if (request.sequence?.ready === false) return;
    if (call.cancelled) {
      this.#count(member, "cancel", inferUs, 0);
      return;
    }
    let tensors: OutputTensor[];
    try {
      tensors = this.#tensors(request.outputs, outputs);
    } catch (thrown) {
      this.#over[member] = true;
      this.#count(member, "fail", inferUs, outputUs);
      this.#parts.endings.failed(entry, toStatusError(thrown), "BACKEND");
      return;
    }
    this.#count(member, tensors.length > 0 ? "success" : "empty", inferUs, outputUs);
    this.#bytesOut[member] = (this.#bytesOut[member] ?? 0) + outputBytes(tensors);
    call.respond(this.#answer(entry, tensors), false);
  }

  #answer({ request, call }: Entry, outputs: readonly OutputTensor[]): InferResponse {
    const { name: model, version } = this.#parts.signature;
    const { id } = request;
    const parameters = this.#origin;
    if (parameters === undefined) return { model, version, id, outputs };
    const queueUs = waitedUs(call.timeline);
    return { model, version, id, outputs, parameters, batchRows: this.#rows, queueUs };
  }

  /** Those that were asked for and are there, in the order of asking. */
  #tensors(asked: readonly number[], outputs: readonly RunOutput[]): OutputTensor[] {
    const tensors: OutputTensor[] = [];
    for (const index of asked) {
      const output = outputs.find((one) => one.index === index);
      const spec = this.#parts.signature.outputs[index];
      if (output === undefined || spec === undefined) continue;
      const { name, datatype } = spec;
      const shape = clientShape(this.#parts.signature, spec, output.shape);
      tensors.push({ name, datatype, shape, data: output.data });
    }
    return tensors;
  }

  #count(member: number, kind: ResponseOutcome["kind"], inferUs: number, outputUs: number): void {
    const index = this.#responses[member] ?? 0;
    this.#responses[member] = index + 1;
    const { account, signature } = this.#parts;
    account.response({ signature, index, kind, inferUs, outputUs });
  }
}

/** What a client is told whose responses ended in the middle. */
function brokenOff(error: Error): StatusError {
  return new StatusError(
    "UNAVAILABLE",
    `the worker was lost after it had sent some of the responses to this request (${error.message}); it is not run again, because those would come twice. Send it again if that does no harm`,
    { cause: error },
  );
}
