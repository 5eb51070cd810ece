/**
 * The queue of one model variant and the devices that empty it. Mechanism only:
 * `batcher.ts` says when a batch is closed, `cost-curve.ts` how large is worth
 * it, `recovery.ts` what becomes of a batch whose execution failed.
 *
 *   submit → queue → pump: idle lane? → decideBatch → lane.execute → answer
 *                      ▲                                   │
 *                      └────── done, or failed: again ─────┘
 */
import { BackendError } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import type { Account } from "../inference/outcome.ts";
import type { QueueRules } from "../inference/queue-rules.ts";
import type { InferCall, InferRequest, ModelSignature } from "../inference/request.ts";
import type { Logger } from "../logger.ts";
import { type Executed, type Lane, WorkerLost } from "../pool/lane.ts";
import type { Pool } from "../pool/pool.ts";
import { type BatchingRules, decideBatch } from "./batcher.ts";
import { bundleRows } from "./bundle-rows.ts";
import { CostCurve } from "./cost-curve.ts";
import { ENDED, Endings, type Origin, stopping } from "./endings.ts";
import { type Entry, RequestQueue } from "./queue.ts";
import { afterFailure } from "./recovery.ts";
import type { Served } from "./served.ts";
import { StreamedBatch } from "./streamed-batch.ts";

export interface SchedulerParts {
  readonly signature: ModelSignature;
  readonly rules: QueueRules;
  readonly pool: Pool;
  readonly account: Account;
  readonly clock: Clock;
  readonly log: Logger;
  /** Requests fail once no instance has been ready for so long, ms. */
  readonly patienceMs: number;
  /** For a variant of several: who else might serve what cannot be served here. */
  readonly rescue?: Rescue;
  readonly origin?: Origin;
}

/**
 * Takes a request over that cannot be served by this variant.
 * @param error what its execution failed with; undefined: it has only waited
 * @returns false: nobody else may serve it, and nothing was done
 */
export type Rescue = (request: InferRequest, call: InferCall, error: unknown) => boolean;

/** A batch is put behind a running one only if the device will be free this soon, µs. */
const AHEAD_WITHIN_US = 1000;

export class Scheduler implements Served {
  readonly signature: ModelSignature;
  readonly pool: Pool;
  readonly #queue: RequestQueue;
  readonly #rules: BatchingRules;
  readonly #oneAtATime: boolean;
  readonly #curve = new CostCurve();
  readonly #endings: Endings;
  readonly #account: Account;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #patienceMs: number;
  readonly #rescue: Rescue | undefined;
  /** Batches that run again after a failure, before anything that waits. */
  readonly #again: (readonly Entry[])[] = [];
  #runningBatches = 0;
  #runningRequests = 0;
  #runningRows = 0;
  #arrivedRows = 0;
  #pumpSoon = false;
  /** Requests in the batch dispatched last. */
  #lastBatch = 0;
  #stopWaiting: (() => void) | undefined;
  #stopPatience: (() => void) | undefined;
  #accepting = true;
  #onIdle: (() => void) | undefined;

  constructor(parts: SchedulerParts) {
    this.signature = parts.signature;
    this.pool = parts.pool;
    this.#queue = new RequestQueue(parts.rules);
    this.#rules = {
      maxRows: Math.max(1, parts.signature.maxBatchSize),
      preferredRows: parts.rules.preferredRows,
      maxDelayMs: parts.rules.maxDelayMs,
    };
    // One device takes batches in the order given, so answers leave in the order asked.
    this.#oneAtATime = parts.rules.preserveOrdering;
    this.bundleRows = bundleRows(parts.signature, parts.rules);
    this.#endings = new Endings(parts.signature, parts.account, parts.clock, parts.origin);
    this.#rescue = parts.rescue;
    this.#account = parts.account;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#patienceMs = parts.patienceMs;
    this.pool.onChange = () => this.#instancesChanged();
  }

  readonly bundleRows: number;

  get trouble(): string | undefined {
    return this.pool.failure;
  }

  get instances() {
    return this.pool.lanes.map((lane) => lane.instance);
  }

  get queuedRows(): number {
    return this.#queue.rows;
  }

  get queuedRequests(): number {
    return this.#queue.size;
  }

  /** Rows that were ever accepted. */
  get arrivedRows(): number {
    return this.#arrivedRows;
  }

  /** Rows that devices execute, or that wait in their workers. */
  get runningRows(): number {
    return this.#runningRows;
  }

  /** Age of the request that has waited longest, ms; 0: none waits. */
  get oldestWaitMs(): number {
    const head = this.#queue.head();
    return head === undefined ? 0 : this.#clock.now() - head.call.timeline.queued;
  }

  /** Cost of an execution as measured, see `CostCurve.line`. */
  get cost() {
    return this.#curve.line();
  }

  /** Requests accepted and not answered. */
  get inFlight(): number {
    let count = this.#queue.size + this.#runningRequests;
    for (const batch of this.#again) count += batch.length;
    return count;
  }

  /**
   * Takes over the call: it is answered or failed exactly once, unless it is
   * cancelled first.
   * @throws StatusError UNAVAILABLE when the queue is full or the model is being unloaded.
   */
  submit(request: InferRequest, call: InferCall): void {
    const now = this.#clock.now();
    if (!this.#accepting) throw stopping(request);
    const entry = this.#queue.add(request, call, now);
    call.timeline.queued = now;
    this.#arrivedRows += request.rows;
    this.#watch(entry);
    this.#account.pending(this.signature, requestsOf(entry));
    this.#pumpLater();
  }

  #watch(entry: Entry): void {
    entry.call.onCancel = () => this.#cancelled(entry);
  }

  /** Takes nothing more; resolves when everything accepted was answered. */
  drain(): Promise<void> {
    this.#accepting = false;
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#noticeIdle();
    });
  }

  /** After `drain`, or without it: what still waits is failed. Frees the workers. */
  async close(): Promise<void> {
    this.#accepting = false;
    this.#stopWaiting?.();
    this.#stopPatience?.();
    for (const entry of this.#takeAllWaiting())
      this.#endings.failed(entry, stopping(entry.request), "OTHER");
    await this.pool.close();
  }

  #pumpLater(): void {
    if (this.#pumpSoon) return;
    this.#pumpSoon = true;
    const pump = () => {
      this.#pumpSoon = false;
      this.#pump();
    };
    // Under load, after everything that is ready to be read: it shares a batch. While
    // requests come one at a time nobody else is to be expected, and the wait would be for nothing.
    if (this.#lastBatch > 1) this.#clock.soon(pump);
    else this.#clock.next(pump);
  }

  /** Gives batches to devices as long as there are both. */
  #pump(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#dropExpired();
    while (this.#pumpOne());
  }

  /** @returns true when there may be more to do. */
  #pumpOne(): boolean {
    const again = this.#again[0];
    const head = again ? undefined : this.#queue.head();
    if (!again && !head) {
      this.#noticeIdle();
      return false;
    }
    const lane = this.#lane(again?.[0]?.avoid);
    if (!lane) {
      this.#waitForInstances();
      return false;
    }
    if (head) return this.#dispatchFrom(head, lane);
    this.#again.shift();
    const alive = again?.filter((entry) => !entry.call.cancelled) ?? [];
    if (alive.length > 0) this.#dispatch(lane, alive);
    return true;
  }

  /** @returns false when the batch should wait; a timer will look again. */
  #dispatchFrom(head: Entry, lane: Lane): boolean {
    const now = this.#clock.now();
    const waiting = {
      rows: rowsOf(this.#queue.mates(head)),
      oldestQueuedAt: head.call.timeline.queued,
    };
    const decision = decideBatch(this.#rules, waiting, this.#curve.worthRows(), now);
    if ("waitMs" in decision) {
      this.#lookAgainIn(decision.waitMs, now);
      return false;
    }
    if (!lane.idle && !this.#worthTakingAhead(lane, decision.rows, now)) {
      this.#lookAgainIn(Number.POSITIVE_INFINITY, now);
      return false;
    }
    const batch: Entry[] = [];
    for (const entry of this.#queue.mates(head)) {
      if (batch.length === decision.take) break;
      batch.push(entry);
    }
    for (const entry of batch) this.#queue.remove(entry);
    this.#dispatch(lane, batch);
    return true;
  }

  /**
   * Handing a batch to a busy device keeps it from growing, so only when it is
   * no smaller than the one that runs, and the device will be free in a moment.
   */
  #worthTakingAhead(lane: Lane, rows: number, now: number): boolean {
    if (rows >= this.#rules.maxRows) return true;
    if (rows < lane.lastRows) return false;
    const expectedUs = this.#curve.expectedUs(lane.lastRows);
    if (expectedUs === undefined) return false;
    return expectedUs - (now - lane.busySince) * 1000 <= AHEAD_WITHIN_US;
  }

  #lane(avoid?: Lane): Lane | undefined {
    if (this.#oneAtATime && this.#runningBatches > 0) return undefined;
    const idle = this.pool.idleLane(avoid);
    if (idle || this.#oneAtATime || this.#again.length > 0) return idle;
    return this.pool.laneToTakeAhead();
  }

  #dispatch(lane: Lane, batch: readonly Entry[]): void {
    const now = this.#clock.now();
    for (const entry of batch) {
      const { timeline } = entry.call;
      if (timeline.dispatched > 0) continue;
      timeline.dispatched = now;
      this.#account.pending(this.signature, -requestsOf(entry));
    }
    this.#lastBatch = batch.length;
    this.#runningBatches += 1;
    this.#runningRequests += batch.length;
    this.#runningRows += totalRows(batch);
    const streamed = this.signature.decoupled ? this.#streamedBatch(batch) : undefined;
    lane
      .execute(
        batch.map((entry) => entry.request),
        streamed?.sink,
      )
      .then(
        (executed) => this.#executed(batch, executed, streamed),
        (error: unknown) => this.#failed(lane, batch, error, streamed),
      );
  }

  #ended(batch: readonly Entry[]): void {
    this.#runningBatches -= 1;
    this.#runningRequests -= batch.length;
    this.#runningRows -= totalRows(batch);
  }

  #streamedBatch(batch: readonly Entry[]): StreamedBatch {
    const { signature } = this;
    return new StreamedBatch({ signature, endings: this.#endings, account: this.#account }, batch);
  }

  #executed(batch: readonly Entry[], executed: Executed, streamed?: StreamedBatch): void {
    this.#ended(batch);
    const rows = totalRows(batch);
    this.#curve.observe(rows, executed.timing.inferUs);
    // The device first: it starts the next batch while this one is being answered. Unless
    // that batch would be smaller: then what lies in the sockets by now is read before.
    if (this.#queue.size >= batch.length || this.#again.length > 0) this.#pump();
    this.#account.execution({ signature: this.signature, rows, timing: executed.timing });
    if (streamed) streamed.end(executed.timing);
    else this.#endings.answered(batch, executed);
    executed.release();
    if (this.#queue.size > 0 || this.#again.length > 0) this.#pumpLater();
    this.#noticeIdle();
  }

  #failed(lane: Lane, all: readonly Entry[], error: unknown, streamed?: StreamedBatch): void {
    this.#ended(all);
    const batch = streamed ? streamed.fail(error) : all;
    const alive = batch.filter((entry) => !entry.call.cancelled);
    for (const entry of batch) if (entry.call.cancelled) this.#endings.cancelled(entry);
    if (error instanceof WorkerLost) this.#account.lost(this.signature, error.executing);
    const stuck = streamed ? alive : this.#notMoved(lane, alive, error);
    const left = worksElsewhere(error) ? this.#notRescued(stuck, error) : stuck;
    const next = afterFailure(left, error);
    if (next.again.length > 0) {
      this.#log.warn("an execution failed and is repeated", {
        model: this.signature.name,
        version: this.signature.version,
        requests: left.length,
        batches: next.again.length,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
    for (const { entry, status } of next.failed) {
      if (isOfClient(error) || !this.#rescued(entry, error)) {
        this.#endings.failed(entry, status, "BACKEND");
      }
    }
    if (streamed) for (const entry of next.again.flat()) this.#watch(entry);
    this.#again.unshift(...next.again);
    this.#pump();
    this.#noticeIdle();
  }

  /** A device failed: another one of this variant is tried before another variant is. */
  #notMoved(lane: Lane, batch: readonly Entry[], error: unknown): readonly Entry[] {
    if (!isOfDevice(error) || !this.pool.hasOther(lane)) return batch;
    const most = this.pool.lanes.length - 1;
    const movable = batch.filter(({ moves }) => moves < most);
    for (const entry of movable) {
      entry.moves += 1;
      entry.avoid = lane;
    }
    if (movable.length > 0) this.#again.unshift(movable);
    return batch.filter((entry) => !movable.includes(entry));
  }

  #cancelled(entry: Entry): void {
    // One that runs is accounted for when its batch is done.
    const queued = entry.places !== undefined;
    if (queued) this.#queue.remove(entry);
    else if (!this.#takeFromRepeats(entry)) return;
    if (queued) this.#account.pending(this.signature, -requestsOf(entry));
    this.#endings.cancelled(entry);
    this.#noticeIdle();
  }

  #takeFromRepeats(entry: Entry): boolean {
    const at = this.#again.findIndex((batch) => batch.includes(entry));
    const batch = this.#again[at];
    if (!batch) return false;
    const rest = batch.filter((other) => other !== entry);
    this.#again.splice(at, 1, ...(rest.length > 0 ? [rest] : []));
    return true;
  }

  #dropExpired(): void {
    for (const entry of this.#queue.expire(this.#clock.now())) {
      this.#account.pending(this.signature, -requestsOf(entry));
      this.#endings.failed(
        entry,
        new StatusError("UNAVAILABLE", "Request timeout expired"),
        "REJECTED",
      );
    }
  }

  #lookAgainIn(waitMs: number, now: number): void {
    const untilMs = Math.min(waitMs, this.#queue.nextExpiry() - now);
    if (untilMs === Number.POSITIVE_INFINITY) return;
    this.#stopWaiting = this.#clock.after(Math.max(0, untilMs), () => this.#pump());
  }

  #instancesChanged(): void {
    if (this.pool.available) {
      this.#stopPatience?.();
      this.#stopPatience = undefined;
    } else if (this.#rescue !== undefined) {
      this.#rescueWaiting();
    }
    this.#pump();
  }

  /** No lane is free: completions and returning instances pump again; time-outs need a timer. */
  #waitForInstances(): void {
    this.#lookAgainIn(Number.POSITIVE_INFINITY, this.#clock.now());
    if (this.pool.available) return;
    const { failure } = this.pool;
    if (failure !== undefined) {
      this.#failWaiting(`model '${this.signature.name}' could not be loaded again: ${failure}`);
      return;
    }
    this.#stopPatience ??= this.#clock.after(this.#patienceMs, () => {
      this.#stopPatience = undefined;
      if (this.pool.available) this.#pump();
      else this.#failWaiting(`no instance of model '${this.signature.name}' became ready in time`);
    });
  }

  #failWaiting(text: string): void {
    const error = new StatusError("UNAVAILABLE", text);
    for (const entry of this.#takeAllWaiting()) {
      if (!this.#rescued(entry, undefined)) this.#endings.failed(entry, error, "BACKEND");
    }
    this.#noticeIdle();
  }

  /** Nothing serves here now: whoever may goes elsewhere, the others keep their places. */
  #rescueWaiting(): void {
    for (const entry of this.#queue.all()) {
      if (!this.#rescued(entry, undefined)) continue;
      this.#queue.remove(entry);
      this.#account.pending(this.signature, -requestsOf(entry));
    }
    for (const [at, batch] of this.#again.entries()) {
      this.#again[at] = this.#notRescued(batch, undefined);
    }
    this.#noticeIdle();
  }

  #notRescued(entries: readonly Entry[], error: unknown): readonly Entry[] {
    if (this.#rescue === undefined) return entries;
    return entries.filter((entry) => !this.#rescued(entry, error));
  }

  /** @returns true: somebody else has it now */
  #rescued(entry: Entry, error: unknown): boolean {
    const { request, call } = entry;
    if (this.#rescue === undefined || call.cancelled) return false;
    const { onCancel } = call;
    const { dispatched, queued } = call.timeline;
    call.timeline.dispatched = 0;
    if (this.#rescue(request, call, error)) {
      entry.call = ENDED;
      return true;
    }
    call.onCancel = onCancel;
    call.timeline.dispatched = dispatched;
    call.timeline.queued = queued;
    return false;
  }

  #takeAllWaiting(): Entry[] {
    const queued = this.#queue.clear();
    for (const entry of queued) this.#account.pending(this.signature, -requestsOf(entry));
    return [...this.#again.splice(0).flat(), ...queued];
  }

  #noticeIdle(): void {
    if (!this.#onIdle || this.inFlight > 0) return;
    this.#onIdle();
    this.#onIdle = undefined;
  }
}

const totalRows = (batch: readonly Entry[]) =>
  batch.reduce((sum, { request }) => sum + request.rows, 0);

const isOfClient = (error: unknown) => error instanceof BackendError && error.fault === "input";

/** Faults of a device, not of the request or the model: another device may do better at once. */
function worksElsewhere(error: unknown): boolean {
  return error instanceof WorkerLost || isOfDevice(error);
}

function isOfDevice(error: unknown): boolean {
  return error instanceof BackendError && (error.fault === "device" || error.fault === "exhausted");
}

const requestsOf = ({ request }: Entry) => request.bundled ?? 1;

function* rowsOf(entries: Iterable<Entry>): Generator<number, void> {
  for (const entry of entries) yield entry.request.rows;
}
