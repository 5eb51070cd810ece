/** How a request's life in the scheduler ends: answered, failed or cancelled; once, and accounted for. */

import type { Device } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import { StatusError, toStatusError } from "../errors.ts";
import type { Account, ExecutionTiming, FailureReason } from "../inference/outcome.ts";
import { waitedUs } from "../inference/provenance.ts";
import type {
  InferCall,
  InferRequest,
  InferResponse,
  ModelSignature,
  Parameters,
} from "../inference/request.ts";
import { outputBytes } from "../inference/request-bytes.ts";
import { splitOutputs } from "../inference/split-outputs.ts";
import { newTimeline } from "../inference/timeline.ts";
import type { Executed, Instance } from "../pool/lane.ts";
import type { Entry } from "./entry.ts";

/** In the place of a call that is over: nobody listens any more. */
export const ENDED: InferCall = {
  timeline: newTimeline(0),
  deadline: 0,
  cancelled: true,
  onCancel: undefined,
  respond() {},
  fail() {},
};

/** Parameters of a response: which variant, artifact and device it comes from. The same object while nothing of it changes. */
export type Origin = (instance: Instance) => Parameters;

/** Where a request was executed. */
interface Execution {
  readonly timing: ExecutionTiming;
  readonly device: Device;
  /** Of its batch, fillings of empty slots left out. */
  readonly rows: number;
}

/** In the story of a request. */
export const CANCELLED = "its client went away, or its deadline passed";

export class Endings {
  readonly #signature: ModelSignature;
  readonly #account: Account;
  readonly #clock: Clock;
  readonly #origin: Origin | undefined;
  readonly #variant: string | undefined;

  /**
   * @param origin what answers tell of where they come from; absent: nothing
   * @param variant see `InferResponse.variant`
   */
  constructor(
    signature: ModelSignature,
    account: Account,
    clock: Clock,
    origin?: Origin,
    variant?: string,
  ) {
    this.#signature = signature;
    this.#account = account;
    this.#clock = clock;
    this.#origin = origin;
    this.#variant = variant;
  }

  /** What answers of this instance tell of it; undefined: nothing. */
  origin(instance: Instance): Parameters | undefined {
    return this.#origin?.(instance);
  }

  /**
   * Gives each request its rows. Where the outputs do not add up to an answer, all fail. They are accounted for when
   * all have their answers, which leave together: one look at the clock, and the counting is not in their way.
   */
  answered(batch: readonly Entry[], { outputs, timing, instance }: Executed): void {
    const { device } = instance.report;
    const execution = { timing, device, rows: rowsOfClients(batch) };
    const bytesOut: number[] = [];
    const failures: (FailureReason | undefined)[] = [];
    let problem: StatusError | undefined;
    try {
      const requests = batch.map((entry) => entry.request);
      const parts = splitOutputs(this.#signature, requests, outputs);
      const { name: model, version } = this.#signature;
      const rows = requests.reduce((sum, request) => sum + request.rows, 0);
      const parameters = this.#origin?.(instance);
      for (const { call, request } of batch) {
        const outputs = parts[failures.length] ?? [];
        call.onCancel = undefined;
        // The last answer of a stream ends it: afterwards all of its calls are over.
        const { cancelled } = call;
        if (!cancelled) {
          call.timeline.execution = timing;
          const { id } = request;
          const told = parameters !== undefined;
          const batchRows = told ? rows : undefined;
          const queueUs = told ? waitedUs(call.timeline) : undefined;
          const variant = this.#variant;
          call.respond(
            { model, version, id, outputs, parameters, batchRows, queueUs, variant },
            true,
          );
          call.story?.answered(parameters);
        }
        bytesOut.push(outputBytes(outputs));
        failures.push(cancelled ? "CANCELED" : undefined);
      }
    } catch (error) {
      problem = toStatusError(error);
    }
    const now = this.#clock.now();
    for (let nth = 0; nth < failures.length; nth += 1) {
      this.#finish(batch[nth] as Entry, now, failures[nth], execution, bytesOut[nth]);
    }
    if (problem === undefined) return;
    for (const entry of batch.slice(failures.length)) {
      this.failed(entry, problem, "BACKEND", execution);
    }
  }

  /**
   * A decoupled model gave its last response to this request.
   * @param final without outputs
   * @param bytesOut of those before it
   */
  streamed(entry: Entry, final: InferResponse, execution: Execution, bytesOut: number): void {
    const { call } = entry;
    call.onCancel = undefined;
    call.timeline.execution = execution.timing;
    const { cancelled } = call;
    if (!cancelled) {
      call.respond(final, true);
      call.story?.answered(final.parameters);
    }
    const failure = cancelled ? "CANCELED" : undefined;
    this.#finish(entry, this.#clock.now(), failure, execution, bytesOut);
  }

  failed(entry: Entry, status: StatusError, reason: FailureReason, execution?: Execution): void {
    const { call } = entry;
    call.onCancel = undefined;
    const { cancelled } = call;
    if (!cancelled) call.fail(status);
    call.story?.failed(cancelled ? CANCELLED : `${status.code}: ${status.message}`);
    this.#finish(entry, this.#clock.now(), cancelled ? "CANCELED" : reason, execution);
  }

  cancelled(entry: Entry): void {
    entry.call.onCancel = undefined;
    entry.call.story?.failed(CANCELLED);
    this.#finish(entry, this.#clock.now(), "CANCELED", undefined);
  }

  #finish(
    entry: Entry,
    answered: number,
    failure: FailureReason | undefined,
    execution: Execution | undefined,
    bytesOut?: number,
  ): void {
    const { request, call } = entry;
    entry.call = ENDED;
    // The filling of an empty slot is no request.
    if (request.sequence?.ready === false) return;
    // Where a bundle fails, its requests go on one by one and are counted then.
    if (request.bundled !== undefined && failure !== undefined && failure !== "CANCELED") return;
    call.timeline.answered = answered;
    this.#account.request({
      signature: this.#signature,
      rows: request.rows,
      requests: request.bundled,
      timeline: call.timeline,
      failure,
      execution: execution?.timing,
      trace: call.trace,
      caller: call.caller,
      onBehalf: call.onBehalf,
      request,
      bytesOut,
      batchRows: execution?.rows,
      device: execution?.device,
      variant: this.#variant,
    });
  }
}

/** Whoever has its rows in a batch pays for its time: the fillings of empty slots are nobody's. */
export function rowsOfClients(batch: readonly Entry[]): number {
  let rows = 0;
  for (const { request } of batch) if (request.sequence?.ready !== false) rows += request.rows;
  return rows;
}

/** What a request is told that comes while its model is being unloaded. */
export function stopping({ id }: InferRequest): StatusError {
  const prefix = `[request id: ${id === "" ? "<id_unknown>" : id}] `;
  return new StatusError(
    "UNAVAILABLE",
    `${prefix}Server is stopping, scheduler for model has stopped accepting new inference requests`,
  );
}
