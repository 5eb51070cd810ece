/**
 * A sequence from its START on: the requests of it that wait, the one that runs,
 * and its place at an instance. It is over when its END was answered, when it
 * was idle for too long, or when its worker died.
 */
import { StatusError } from "../errors.ts";
import type { InferRequest, ModelSignature } from "../inference/request.ts";
import type { Lane } from "../pool/lane.ts";
import type { Link } from "./chain.ts";
import type { Entry } from "./entry.ts";
import type { Slots } from "./slots.ts";

/** An instance and the sequences that live there. */
export interface Bench {
  readonly lane: Lane;
  readonly slots: Slots<Sequence>;
  /** Batches that run again after a failure, before anything that waits. */
  readonly again: (readonly Entry[])[];
}

export class Sequence {
  /** See `sequenceKey`. */
  readonly id: string;
  /** In the order of arrival. */
  readonly waiting: Entry[] = [];
  running: Entry | undefined;
  /** END was asked for: the next request has to START it again. */
  ended = false;
  /** The worker may keep a state for it. */
  stateKept = false;
  /** When a request of it came or was answered last, monotonic ms. */
  lastActive: number;
  /** undefined: it waits in the backlog. */
  place: { readonly bench: Bench; readonly slot: number } | undefined;
  /** Its place in the backlog. */
  link: Link<Sequence> | undefined;

  constructor(id: string, now: number) {
    this.id = id;
    this.lastActive = now;
  }

  /** The request that could run now. */
  get head(): Entry | undefined {
    return this.running === undefined ? this.waiting[0] : undefined;
  }

  get over(): boolean {
    return this.ended && this.running === undefined && this.waiting.length === 0;
  }

  /**
   * Takes out a request whose client hung up. Where it was a START, what follows
   * up to the next START has lost its beginning.
   * @returns those; undefined where `entry` does not wait here
   */
  withdraw(entry: Entry): Entry[] | undefined {
    const at = this.waiting.indexOf(entry);
    if (at < 0) return undefined;
    this.waiting.splice(at, 1);
    if (entry.request.sequence?.start !== true) return [];
    const next = this.waiting.findIndex(
      ({ request }, i) => i >= at && request.sequence?.start === true,
    );
    if (next < 0) this.ended = true;
    return this.waiting.splice(at, (next < 0 ? this.waiting.length : next) - at);
  }
}

/** What a request of a sequence is told that has no beginning. Triton's text. */
export function startMissing({ sequence, signature }: InferRequest): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `inference request for sequence ${sequence?.id} to model '${signature.name}' must specify the START flag on the first request of the sequence`,
  );
}

/** Requests that no sequence batcher takes. @throws StatusError INVALID_ARGUMENT with Triton's texts */
export function requireSequence({ sequence, rows, signature: { name } }: InferRequest) {
  if (rows > 1) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `inference request to model '${name}' must specify batch-size 1 due to requirements of sequence batcher`,
    );
  }
  if (sequence !== undefined) return sequence;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `inference request to model '${name}' must specify a non-zero or non-empty correlation ID`,
  );
}

export function idleTooLong(): StatusError {
  return new StatusError("UNAVAILABLE", "timeout of the corresponding sequence has been expired");
}

/** Its state died with the worker, so nothing of it can run again. */
export function lostWithWorker({ name }: ModelSignature, id: string): StatusError {
  return new StatusError(
    "UNAVAILABLE",
    `sequence ${id} of model '${name}' was lost: the worker that kept its state died. Send it again from its first request, with the START flag`,
  );
}
