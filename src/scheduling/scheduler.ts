/**
 * The queues of one model variant and the devices that empty them. Mechanism only:
 * `filling.ts` makes the batches (`batcher.ts` says when one is closed,
 * `cost-curve.ts` how large is worth it, `tenant-queues.ts` whose turn it is),
 * `forecast.ts` says who comes too late, `charging.ts` who pays, `failed-batches.ts` deals with those
 * whose execution failed (`recovery.ts` decides), `rescuer.ts` with requests that
 * another variant may serve.
 *
 *   submit → queues → pump: idle lane? → decideBatch → lane.execute → answer
 *                       ▲                                   │
 *                       └────── done, or failed: again ─────┘
 */
import type { Clock } from "../clock.ts";
import { StatusError, withoutStack } from "../errors.ts";
import type { Tenant } from "../inference/caller.ts";
import type { Account } from "../inference/outcome.ts";
import type { QueueRules } from "../inference/queue-rules.ts";
import type { InferCall, InferRequest, ModelSignature } from "../inference/request.ts";
import type { Logger } from "../logger.ts";
import { DeviceUse } from "../policy/fair-share/device-use.ts";
import { ShareClock } from "../policy/fair-share/share-clock.ts";
import type { Executed, Lane } from "../pool/lane.ts";
import type { Pool } from "../pool/pool.ts";
import { bundleRows } from "./bundle-rows.ts";
import { Charging } from "./charging.ts";
import { CostCurve } from "./cost-curve.ts";
import { Endings, type Origin, stopping } from "./endings.ts";
import type { Entry } from "./entry.ts";
import { FailedBatches } from "./failed-batches.ts";
import { Filling } from "./filling.ts";
import { Forecast } from "./forecast.ts";
import { Patience } from "./patience.ts";
import { Repeats } from "./repeats.ts";
import { type Rescue, Rescuer } from "./rescuer.ts";
import type { Served } from "./served.ts";
import { tellDispatched } from "./stories.ts";
import { StreamedBatch } from "./streamed-batch.ts";
import { TenantQueues, type TenantShare } from "./tenant-queues.ts";

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
  /** What answers tell of where they come from; absent: nothing. */
  readonly origin?: Origin | undefined;
  /** See `InferResponse.variant`. */
  readonly variant?: string;
  /** How its devices' time is divided between tenants; absent: between those of this model alone. */
  readonly share?: DeviceShare | undefined;
}

/** The devices that a model runs on, as those see them who share them. */
export interface DeviceShare {
  /** Of all models that run on these devices. */
  readonly clock: ShareClock;
  readonly use: DeviceUse;
}

export class Scheduler implements Served {
  readonly signature: ModelSignature;
  readonly pool: Pool;
  readonly #queue: TenantQueues;
  readonly #charging: Charging;
  readonly #forecast: Forecast;
  readonly #repeats = new Repeats();
  readonly #oneAtATime: boolean;
  readonly #curve = new CostCurve();
  readonly #filling: Filling;
  readonly #endings: Endings;
  readonly #failedBatches: FailedBatches;
  readonly #rescuer: Rescuer;
  readonly #rescues: boolean;
  readonly #account: Account;
  readonly #clock: Clock;
  readonly #patience: Patience;
  #runningBatches = 0;
  #runningRequests = 0;
  #runningRows = 0;
  #arrivedRows = 0;
  #pumpSoon = false;
  /** Requests in the batch dispatched last. */
  #lastBatch = 0;
  #stopWaiting: (() => void) | undefined;
  #accepting = true;
  #onIdle: (() => void) | undefined;

  constructor(parts: SchedulerParts) {
    const { signature, rules, pool, account, clock, log, rescue } = parts;
    this.signature = signature;
    this.pool = pool;
    const share = parts.share ?? { clock: new ShareClock(), use: new DeviceUse() };
    this.#queue = new TenantQueues(rules, share.clock, this.#curve);
    this.#charging = new Charging(share.clock, share.use);
    const batching = {
      maxRows: Math.max(1, signature.maxBatchSize),
      preferredRows: rules.preferredRows,
      maxDelayMs: rules.maxDelayMs,
    };
    this.#filling = new Filling(batching, this.#queue, this.#curve, clock);
    const batchRows = rules.dynamic ? batching.maxRows : 1;
    this.#forecast = new Forecast(pool, this.#queue, this.#curve, batchRows);
    // One device takes batches in the order given, so answers leave in the order asked.
    this.#oneAtATime = rules.preserveOrdering;
    this.bundleRows = bundleRows(signature, rules);
    const endings = new Endings(signature, account, clock, parts.origin, parts.variant);
    const rescuer = new Rescuer(rescue);
    const repeats = this.#repeats;
    this.#endings = endings;
    this.#rescuer = rescuer;
    this.#rescues = rescue !== undefined;
    this.#failedBatches = new FailedBatches({
      ...{ signature, pool, account, endings, rescuer, repeats, log },
    });
    this.#account = account;
    this.#clock = clock;
    this.#patience = new Patience(pool, clock, parts.patienceMs);
    pool.onChange = () => this.#instancesChanged();
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

  /** Rows that wait, by tenant. */
  rowsByTenant(): Iterable<readonly [tenant: string, rows: number]> {
    return this.#queue.rowsByTenant();
  }

  /** See `TenantQueues.takeTenants`; for the placement alone. */
  takeTenants(): Iterable<TenantShare> {
    return this.#queue.takeTenants();
  }

  /** See `Served.waitMsOf`. */
  waitMsOf(tenant: Tenant): number {
    return this.#forecast.waitMsOf(tenant);
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
    const head = this.#queue.head(this.#clock.now());
    return head === undefined ? 0 : this.#clock.now() - head.call.timeline.queued;
  }

  /** See `Served.secondsAhead`. */
  get secondsAhead(): number | undefined {
    return this.#forecast.secondsAhead(this.#clock.now());
  }

  /** Cost of an execution as measured, see `CostCurve.line`. */
  get cost() {
    return this.#curve.line();
  }

  /** Requests accepted and not answered. */
  get inFlight(): number {
    return this.#queue.size + this.#runningRequests + this.#repeats.requests;
  }

  /**
   * Takes over the call: it is answered or failed exactly once, unless it is
   * cancelled first.
   * @throws StatusError UNAVAILABLE when the queue is full, when it cannot be answered before its deadline, or
   * when the model is being unloaded.
   */
  submit(request: InferRequest, call: InferCall): void {
    const now = this.#clock.now();
    if (!this.#accepting) throw stopping(request);
    if (call.deadline !== Number.POSITIVE_INFINITY && !this.#forecast.inTime(request, call, now)) {
      throw outOfTime();
    }
    const entry = this.#queue.add(request, call, now);
    call.timeline.queued = entry.queuedAt;
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
    this.#patience.end();
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
    const again = this.#repeats.first;
    const head = again ? undefined : this.#queue.head(this.#clock.now());
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
    this.#repeats.takeFirst();
    const alive = again?.filter((entry) => !entry.call.cancelled) ?? [];
    if (alive.length > 0) this.#dispatch(lane, alive, "it runs again");
    return true;
  }

  /** @returns false when the batch should wait; a timer will look again. */
  #dispatchFrom(head: Entry, lane: Lane): boolean {
    const { batch, late } = this.#filling.fill(head, lane);
    if (late.length > 0) this.#refuse(late);
    if (typeof batch === "number") {
      if (late.length > 0) return true;
      this.#lookAgainIn(batch);
      return false;
    }
    this.#dispatch(lane, batch);
    return true;
  }

  #lane(avoid?: Lane): Lane | undefined {
    if (this.#oneAtATime && this.#runningBatches > 0) return undefined;
    const idle = this.pool.idleLane(avoid);
    if (idle || this.#oneAtATime || this.#repeats.size > 0) return idle;
    return this.pool.laneToTakeAhead();
  }

  /** @param closed why the batch is no larger; absent: as the rules say */
  #dispatch(lane: Lane, batch: readonly Entry[], closed?: string): void {
    const now = this.#clock.now();
    let told = false;
    for (const entry of batch) {
      const { timeline, story } = entry.call;
      if (story !== undefined) told = true;
      if (timeline.dispatched > 0) continue;
      timeline.dispatched = now;
      this.#account.pending(this.signature, -requestsOf(entry));
    }
    if (told) tellDispatched(batch, lane.instance, closed ?? this.#filling.why(batch));
    const rows = totalRows(batch);
    const predictedUs = this.#curve.predictUs(rows);
    this.#charging.charge(batch, rows, predictedUs);
    this.#lastBatch = batch.length;
    this.#runningBatches += 1;
    this.#runningRequests += batch.length;
    this.#runningRows += rows;
    const streamed = this.signature.decoupled ? this.#streamedBatch(batch, lane) : undefined;
    lane
      .execute(
        batch.map((entry) => entry.request),
        streamed?.sink,
      )
      .then(
        (executed) => this.#executed(batch, executed, predictedUs, streamed),
        (error: unknown) => this.#failed(lane, batch, error, streamed),
      );
  }

  #ended(batch: readonly Entry[]): void {
    this.#runningBatches -= 1;
    this.#runningRequests -= batch.length;
    this.#runningRows -= totalRows(batch);
  }

  #streamedBatch(batch: readonly Entry[], { instance }: Lane): StreamedBatch {
    const parts = { signature: this.signature, endings: this.#endings, account: this.#account };
    return new StreamedBatch({ ...parts, instance }, batch);
  }

  /** @param predictedUs see `Charging.measured` */
  #executed(
    batch: readonly Entry[],
    executed: Executed,
    predictedUs: number,
    streamed?: StreamedBatch,
  ): void {
    this.#ended(batch);
    const rows = totalRows(batch);
    const { inferUs } = executed.timing;
    this.#curve.observe(rows, inferUs);
    this.#charging.measured(batch, rows, predictedUs, inferUs);
    // The device first: it starts the next batch while this one is being answered. Unless
    // that batch would be smaller: then what lies in the sockets by now is read before.
    if (this.#queue.size >= batch.length || this.#repeats.size > 0) this.#pump();
    this.#account.execution({ signature: this.signature, rows, timing: executed.timing });
    if (streamed) streamed.end(executed.timing);
    else this.#endings.answered(batch, executed);
    executed.release();
    if (this.#queue.size > 0 || this.#repeats.size > 0) this.#pumpLater();
    this.#noticeIdle();
  }

  #failed(lane: Lane, batch: readonly Entry[], error: unknown, streamed?: StreamedBatch): void {
    this.#ended(batch);
    const again = this.#failedBatches.settle(lane, batch, error, streamed);
    if (streamed) for (const entry of again) this.#watch(entry);
    this.#pump();
    this.#noticeIdle();
  }

  #cancelled(entry: Entry): void {
    // One that runs is accounted for when its batch is done.
    const queued = entry.places !== undefined;
    if (queued) this.#queue.remove(entry);
    else if (!this.#repeats.remove(entry)) return;
    if (queued) this.#account.pending(this.signature, -requestsOf(entry));
    this.#endings.cancelled(entry);
    this.#noticeIdle();
  }

  #dropExpired(): void {
    this.#refuse(this.#queue.expire(this.#clock.now()));
  }

  /** These left the queue because of their time. */
  #refuse(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#account.pending(this.signature, -requestsOf(entry));
      this.#endings.failed(entry, outOfTime(), "REJECTED");
    }
  }

  #lookAgainIn(waitMs: number): void {
    const now = this.#clock.now();
    const untilMs = Math.min(waitMs, this.#queue.nextExpiry() - now);
    if (untilMs === Number.POSITIVE_INFINITY) return;
    this.#stopWaiting = this.#clock.after(Math.max(0, untilMs), () => this.#pump());
  }

  #instancesChanged(): void {
    if (this.pool.available) this.#patience.end();
    else if (this.#rescues) this.#rescueWaiting();
    this.#pump();
  }

  /** No lane is free: completions and returning instances pump again; time-outs need a timer. */
  #waitForInstances(): void {
    this.#lookAgainIn(Number.POSITIVE_INFINITY);
    this.#patience.wait(
      this.signature.name,
      (reason) => this.#failWaiting(reason),
      () => this.#pump(),
    );
  }

  #failWaiting(text: string): void {
    const error = new StatusError("UNAVAILABLE", text);
    for (const entry of this.#takeAllWaiting()) {
      if (!this.#rescuer.rescued(entry, undefined)) this.#endings.failed(entry, error, "BACKEND");
    }
    this.#noticeIdle();
  }

  /** Nothing serves here now: whoever may goes elsewhere, the others keep their places. */
  #rescueWaiting(): void {
    for (const entry of this.#queue.all()) {
      if (!this.#rescuer.rescued(entry, undefined)) continue;
      this.#queue.remove(entry);
      this.#account.pending(this.signature, -requestsOf(entry));
    }
    this.#repeats.sift((batch) => this.#rescuer.left(batch, undefined));
    this.#noticeIdle();
  }

  #takeAllWaiting(): Entry[] {
    const queued = this.#queue.clear();
    for (const entry of queued) this.#account.pending(this.signature, -requestsOf(entry));
    return [...this.#repeats.clear(), ...queued];
  }

  #noticeIdle(): void {
    if (!this.#onIdle || this.inFlight > 0) return;
    this.#onIdle();
    this.#onIdle = undefined;
  }
}

/** In Triton's words. */
const outOfTime = () =>
  withoutStack(() => new StatusError("UNAVAILABLE", "Request timeout expired"));

const totalRows = (batch: readonly Entry[]) =>
  batch.reduce((sum, { request }) => sum + request.rows, 0);

const requestsOf = ({ request }: Entry) => request.bundled ?? 1;
