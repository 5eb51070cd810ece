/**
 * Sends requests as a plan says, measures what comes back. One to a process: it
 * takes its core for itself.
 *
 * Latency counts from the time a request was **meant** to go. In an open loop a
 * request that leaves late, because the generator or the server was busy, has
 * waited, and the wait counts (Tene's coordinated omission).
 */
import type { Answer, Driver, Prepared } from "../../drivers/driver.ts";
import { type EventLog, Outcome } from "./event-log.ts";
import { InFlight } from "./in-flight.ts";
import { Pacer, type Pacing } from "./pacer.ts";
import { type Snapshot, Tally } from "./tally.ts";

/** One request to be made. The generator reads it before it asks for the next one. */
export interface Planned {
  /** Which one of the whole run, over all generators. */
  readonly number: number;
  /** ms after the start; of no meaning in a closed loop. */
  readonly dueMs: number;
  readonly prepared: Prepared;
  readonly rows: number;
  /** Position in the driver's identities. */
  readonly identity: number;
}

export interface Plan {
  /** @returns undefined when there is nothing more to send */
  next(): Planned | undefined;
}

export type Loop =
  | {
      readonly kind: "open";
      readonly pacing: Pacing;
      /** Only requests due from here on, ms after the start, are counted. */
      readonly measureFromMs: number;
    }
  | { readonly kind: "closed"; readonly concurrency: number };

export interface GeneratorOptions {
  readonly loop: Loop;
  /** A request sent more than this after it was due is late. */
  readonly lateAfterMs: number;
  /** More unanswered requests than this are not held; what falls due then is dropped. */
  readonly mostInFlight: number;
  /** Scores of an answer, one a row; absent: answers are only counted. @throws Error where it has none */
  readonly scoresOf?: ((answer: Answer, rows: number) => Float32Array | undefined) | undefined;
  readonly log?: EventLog | undefined;
  /** Monotonic ms. */
  readonly now: () => number;
}

export interface Ending {
  /** Requests that nobody had answered when the run was over. */
  readonly unanswered: number;
  /** Age of the oldest of them, ms. */
  readonly oldestMs: number;
}

/** Load that begins, is looked at, and ends. */
export interface LoadSource {
  /** @param begin what times of the plan count from, on the generator's clock */
  start(begin: number): void;
  /** What was counted since the last time. */
  snapshot(): Snapshot;
  /** True once the plan has nothing more to send. */
  readonly exhausted: boolean;
  /** Sends nothing more, and counts what was due and not sent; resolves when everything is answered or `patienceMs` is over. */
  stop(patienceMs: number): Promise<Ending>;
}

export class Generator implements LoadSource {
  readonly #driver: Driver;
  readonly #plan: Plan;
  readonly #options: GeneratorOptions;
  readonly #now: () => number;
  readonly #tally: Tally;
  readonly #flight = new InFlight();
  readonly #pacer: Pacer | undefined;
  #begin = 0;
  /** What the driver did not take yet. */
  #next: Planned | undefined;
  #nextHeld = false;
  /** When the driver last refused one: what was due until then has waited for it. */
  #refusedAt = Number.NEGATIVE_INFINITY;
  #started = false;
  #stopped = false;
  #flushPlanned = false;
  #onIdle: (() => void) | undefined;
  #rowsOf: Uint32Array = new Uint32Array(1024);

  constructor(driver: Driver, plan: Plan, options: GeneratorOptions) {
    this.#driver = driver;
    this.#plan = plan;
    this.#options = options;
    this.#now = options.now;
    this.#tally = new Tally(options.now());
    if (options.loop.kind === "open") {
      this.#pacer = new Pacer(options.loop.pacing, options.now, (now) => this.#sendDue(now));
    }
  }

  start(begin: number): void {
    if (this.#stopped) return;
    this.#started = true;
    this.#begin = begin;
    this.snapshot(); // what was counted before is of no interest
    this.#next = this.#plan.next();
    if (this.#pacer !== undefined) this.#pacer.start();
    else this.#fill();
  }

  get inFlight(): number {
    return this.#flight.count;
  }

  get exhausted(): boolean {
    return this.#started && this.#next === undefined;
  }

  /** To be called by the driver's events. */
  answered(
    slot: number,
    bytes: number,
    error: string | undefined,
    answer: Answer | undefined,
  ): void {
    const now = this.#now();
    const flight = this.#flight;
    const number = flight.number[slot] ?? -1;
    const intended = flight.intended[slot] ?? now;
    const sent = flight.sent[slot] ?? now;
    const rows = this.#rowsOf[slot] ?? 1;
    flight.release(slot);
    if (this.#pacer !== undefined) this.#pacer.worked = true;
    if (this.#counts(intended)) {
      const tally = this.#tally;
      const latency = now - intended;
      tally.bytesIn += bytes;
      let failure = error;
      let scores: Float32Array | undefined;
      if (failure === undefined && answer !== undefined) {
        try {
          scores = this.#options.scoresOf?.(answer, rows);
        } catch (thrown) {
          failure = thrown instanceof Error ? thrown.message : String(thrown);
        }
      }
      if (failure === undefined) {
        tally.answered += 1;
        tally.rows += rows;
        tally.latency.record(latency);
        tally.service.record(now - sent);
      } else tally.failed(failure);
      const outcome = failure === undefined ? Outcome.good : Outcome.failed;
      this.#options.log?.add(number, latency, outcome, scores);
    }
    if (this.#stopped) {
      if (flight.count === 0) this.#onIdle?.();
    } else if (this.#pacer === undefined) this.#fill();
    else if (this.#nextHeld) this.room();
  }

  /** To be called by the driver's events: what it refused may be sent now. */
  room(): void {
    if (this.#stopped) return;
    if (this.#pacer === undefined) this.#fill();
    else {
      this.#sendDue(this.#now());
      this.#flushSoon();
    }
  }

  snapshot(): Snapshot {
    const idle = this.#pacer?.idleSpinMs ?? 0;
    if (this.#pacer !== undefined) this.#pacer.idleSpinMs = 0;
    return this.#tally.take(this.#now(), this.#flight.count, idle);
  }

  async stop(patienceMs: number): Promise<Ending> {
    this.#stopped = true;
    this.#pacer?.stop();
    if (this.#pacer !== undefined) this.#dropDue(this.#now());
    if (this.#flight.count > 0) {
      let late: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
        late = setTimeout(resolve, patienceMs);
      });
      clearTimeout(late);
    }
    const now = this.#now();
    let oldestMs = 0;
    let unanswered = 0;
    this.#flight.each((number, intended) => {
      if (!this.#counts(intended)) return;
      unanswered += 1;
      oldestMs = Math.max(oldestMs, now - intended);
      this.#options.log?.add(number, now - intended, Outcome.unanswered, undefined);
    });
    return { unanswered, oldestMs };
  }

  /** What fell due and was never sent counts: else a run that could not keep up would look lighter than it was. */
  #dropDue(now: number): void {
    for (;;) {
      const next = this.#next;
      if (next === undefined || this.#begin + next.dueMs > now) return;
      if (this.#counts(this.#begin + next.dueMs)) {
        this.#tally.dropped += 1;
        this.#options.log?.add(next.number, 0, Outcome.dropped, undefined);
      }
      this.#next = this.#plan.next();
    }
  }

  #counts(intended: number): boolean {
    const { loop } = this.#options;
    return loop.kind === "closed" || intended - this.#begin >= loop.measureFromMs;
  }

  /** Open loop. @returns when the next request is due */
  #sendDue(now: number): number {
    let sentNow = now;
    for (;;) {
      const next = this.#next;
      if (next === undefined) break;
      const due = this.#begin + next.dueMs;
      if (due > sentNow) {
        sentNow = this.#now();
        if (due > sentNow) break;
      }
      if (!this.#send(next, due, sentNow)) {
        // Whoever answers next makes room; until then looking again is of little use.
        this.#flushSoon();
        return sentNow + 1;
      }
      this.#next = this.#plan.next();
    }
    this.#driver.flush();
    return this.#next === undefined ? Number.POSITIVE_INFINITY : this.#begin + this.#next.dueMs;
  }

  /** Closed loop: as many in flight as there should be. */
  #fill(): void {
    const { loop } = this.#options;
    const wanted = loop.kind === "closed" ? loop.concurrency : 0;
    while (this.#flight.count < wanted && this.#next !== undefined) {
      const now = this.#now();
      if (!this.#send(this.#next, now, now)) break;
      this.#next = this.#plan.next();
    }
    this.#flushSoon();
  }

  #send(next: Planned, intended: number, now: number): boolean {
    const { mostInFlight, lateAfterMs, log } = this.#options;
    const counts = this.#counts(intended);
    if (this.#flight.count >= mostInFlight) {
      if (this.#pacer === undefined) return false;
      if (counts) {
        this.#tally.dropped += 1;
        log?.add(next.number, 0, Outcome.dropped, undefined);
      }
      return true;
    }
    const slot = this.#flight.take(next.number, intended, now);
    if (!this.#driver.send(next.prepared, slot, next.identity)) {
      this.#flight.release(slot);
      this.#nextHeld = true;
      this.#refusedAt = now;
      return false;
    }
    if (slot >= this.#rowsOf.length) {
      const larger = new Uint32Array(2 * slot);
      larger.set(this.#rowsOf);
      this.#rowsOf = larger;
    }
    this.#rowsOf[slot] = next.rows;
    if (this.#pacer !== undefined) this.#pacer.worked = true;
    if (counts) {
      const tally = this.#tally;
      tally.sent += 1;
      tally.bytesOut += next.prepared.bytes;
      tally.lag.record(now - intended);
      if (intended <= this.#refusedAt) tally.held += 1;
      else if (now - intended > lateAfterMs) tally.late += 1;
    }
    this.#nextHeld = false;
    return true;
  }

  /** After what is being handled: what one read caused leaves together. */
  #flushSoon(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushPlanned = false;
    this.#driver.flush();
  };
}
