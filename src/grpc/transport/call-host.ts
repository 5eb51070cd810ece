/** What all calls of one server share: room, deadlines, and a periodic look at who is too slow. */
import type { Clock } from "../../clock.ts";
import { ByteBudget } from "../../inference/byte-budget.ts";
import type { Logger } from "../../logger.ts";
import type { Encoding } from "./compression.ts";
import type { Connection } from "./connection.ts";
import { DeadlineQueue } from "./deadline-queue.ts";
import { DEFAULT_PATIENCE, type GrpcServerOptions, type Patience } from "./options.ts";

/** How often slow clients are looked for, ms. */
const SWEEP_MS = 1_000;

/** A call between its arrival and the end of its stream; a link of the chain of all of them. */
export interface LiveCall {
  previous: LiveCall | undefined;
  next: LiveCall | undefined;
  /** Drain waits for it. */
  readonly holdsDrain: boolean;
  /** Bytes of answers written and not yet taken by the client. */
  readonly pendingBytes: number;
  /** Since when nothing of them was taken, `Clock.now` ms, as far as `inspect` saw. */
  readonly stalledSince: number;
  /** Ends the call when its client is too slow. */
  inspect(now: number): void;
  /** Lets those pass who wait for room behind this call, if it came over this connection. */
  standBack(connection: Connection): void;
  /** The server is draining. */
  draining(): void;
  /** Answers with an error. */
  fail(error: unknown): void;
  /** Ends the call without an answer. */
  cut(reason: string): void;
}

/**
 * Bytes kept for paused streams, which no message has reserved yet: those that wait with a
 * small message are not refused for what others keep.
 */
export interface Backlog {
  small: number;
  big: number;
}

export class CallHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly budget: ByteBudget;
  readonly deadlines: DeadlineQueue;
  readonly patience: Patience;
  readonly maxMessageBytes: number;
  readonly responseEncoding: Encoding;
  readonly compressionLevel: number;
  readonly backlog: Backlog = { small: 0, big: 0 };
  /** Of either kind. */
  readonly maxBacklogBytes: number;
  /** Answers written as a whole and not yet taken. */
  pendingBytes = 0;
  /** Calls of which drain waits for the end. */
  holdingDrain = 0;
  size = 0;
  onDrained: (() => void) | undefined;
  readonly #sendBudgetBytes: number;
  #first: LiveCall | undefined;
  #disarmSweep: (() => void) | undefined;
  #shedAt = 0;

  constructor(options: GrpcServerOptions) {
    this.clock = options.clock;
    this.log = options.log;
    this.budget = options.budget ?? new ByteBudget(options.receiveBudgetBytes);
    this.deadlines = new DeadlineQueue(options.clock);
    this.patience = options.patience ?? DEFAULT_PATIENCE;
    this.maxMessageBytes = options.maxMessageBytes;
    this.responseEncoding =
      options.responseCompression === "none" ? "identity" : options.responseCompression;
    this.compressionLevel = options.compressionLevel ?? -1;
    this.maxBacklogBytes = Math.max(4 * 1024 * 1024, Math.floor(options.receiveBudgetBytes / 4));
    // Less than the receive budget: clients who do not read are cut before they hold everybody up.
    this.#sendBudgetBytes = options.sendBudgetBytes ?? Math.floor(options.receiveBudgetBytes / 2);
  }

  enter(call: LiveCall): void {
    call.next = this.#first;
    if (this.#first) this.#first.previous = call;
    this.#first = call;
    this.size++;
    if (call.holdsDrain) this.holdingDrain++;
    if (!this.#disarmSweep) this.#armSweep();
  }

  leave(call: LiveCall): void {
    if (call.previous) call.previous.next = call.next;
    else this.#first = call.next;
    if (call.next) call.next.previous = call.previous;
    call.previous = undefined;
    call.next = undefined;
    this.size--;
    if (call.holdsDrain && --this.holdingDrain === 0) this.onDrained?.();
  }

  /** An answer was written. Beyond the budget the calls that nobody reads are ended. */
  written(bytes: number): void {
    this.pendingBytes += bytes;
    this.budget.answersChanged(bytes);
    if (this.pendingBytes <= this.#sendBudgetBytes) return;
    const now = this.clock.now();
    if (now - this.#shedAt < SWEEP_MS / 10) return;
    this.#shedAt = now;
    this.#sweep(now);
  }

  /** An answer was taken by its client, or given up. */
  taken(bytes: number): void {
    this.pendingBytes -= bytes;
    this.budget.answersChanged(-bytes);
  }

  /** Puts what a connection has waiting for room behind everybody else's: it used its room badly. */
  demote(connection: Connection): void {
    for (const call of this.#calls().reverse()) call.standBack(connection);
  }

  /** Tells every call that the server wants to leave. */
  announceDrain(): void {
    for (const call of this.#calls()) call.draining();
  }

  /** Answers every call that is open, all with the same error. */
  failAll(error: unknown): void {
    for (const call of this.#calls()) call.fail(error);
  }

  stop(): void {
    this.#disarmSweep?.();
    this.#disarmSweep = undefined;
    this.deadlines.clear();
  }

  #armSweep(): void {
    this.#disarmSweep = this.clock.after(SWEEP_MS, () => {
      this.#disarmSweep = undefined;
      this.#sweep(this.clock.now());
      if (this.size > 0) this.#armSweep();
    });
  }

  #sweep(now: number): void {
    const calls = this.#calls();
    for (const call of calls) call.inspect(now);
    let pendingBytes = calls.reduce((sum, call) => sum + call.pendingBytes, 0);
    if (pendingBytes <= this.#sendBudgetBytes) return;
    const stalled = calls
      .filter((call) => call.pendingBytes > 0 && now - call.stalledSince >= SWEEP_MS)
      .sort((a, b) => a.stalledSince - b.stalledSince || b.pendingBytes - a.pendingBytes);
    for (const call of stalled) {
      if (pendingBytes <= this.#sendBudgetBytes) return;
      pendingBytes -= call.pendingBytes;
      call.cut("answers of this server that wait for slow readers exceed the send budget");
    }
  }

  #calls(): LiveCall[] {
    const calls: LiveCall[] = [];
    for (let call = this.#first; call; call = call.next) calls.push(call);
    return calls;
  }
}
