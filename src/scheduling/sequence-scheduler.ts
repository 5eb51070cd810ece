/**
 * The sequences of one model variant and the instances that keep their state.
 * A sequence has a slot of one instance from its START to its END; those for
 * which there is none wait in the backlog. One request of a sequence runs at a
 * time, in order.
 *
 *   submit → sequence ─ backlog ─→ slot of a bench → pump → lane.execute → answer
 *                          ▲                           ▲                     │
 *                          └── END, idle, worker died  └── next of the row ──┘
 *
 * direct: a slot is a row; slots without a request are filled, and the filling's
 * answer is thrown away. oldest: the oldest requests of all slots are batched.
 */
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import { DEFAULT_TENANT } from "../inference/caller.ts";
import { checkCorrelation } from "../inference/control-inputs.ts";
import type { Account } from "../inference/outcome.ts";
import type { InferCall, InferRequest, ModelSignature } from "../inference/request.ts";
import { sequenceKey } from "../inference/sequence-key.ts";
import type { SequenceRules } from "../inference/sequence-rules.ts";
import type { Logger } from "../logger.ts";
import { DeviceUse } from "../policy/fair-share/device-use.ts";
import { ShareClock } from "../policy/fair-share/share-clock.ts";
import { type Executed, type Lane, WorkerLost } from "../pool/lane.ts";
import type { Pool } from "../pool/pool.ts";
import { decideBatch } from "./batcher.ts";
import { Chain } from "./chain.ts";
import { Charging } from "./charging.ts";
import { CostCurve } from "./cost-curve.ts";
import { emptySlot } from "./empty-slot.ts";
import { Endings, type Origin, rowsOfClients, stopping } from "./endings.ts";
import { type Entry, newEntry } from "./entry.ts";
import { Patience } from "./patience.ts";
import { afterFailure } from "./recovery.ts";
import type { DeviceShare } from "./scheduler.ts";
import {
  type Bench,
  idleTooLong,
  lostWithWorker,
  requireSequence,
  Sequence,
  startMissing,
} from "./sequence.ts";
import type { Served } from "./served.ts";
import { waitForSlots } from "./slot-batch.ts";
import { Slots } from "./slots.ts";
import { tellDispatched, tellFailed } from "./stories.ts";
import { StreamedBatch } from "./streamed-batch.ts";

export interface SequenceSchedulerParts {
  readonly signature: ModelSignature;
  readonly rules: SequenceRules;
  readonly pool: Pool;
  readonly account: Account;
  readonly clock: Clock;
  readonly log: Logger;
  /** Requests fail once no instance has been ready for so long, ms. */
  readonly patienceMs: number;
  readonly origin?: Origin | undefined;
  /** Where the time of its devices is charged to tenants; absent: nobody is told. */
  readonly share?: DeviceShare | undefined;
}

export class SequenceScheduler implements Served {
  readonly signature: ModelSignature;
  readonly #rules: SequenceRules;
  readonly #pool: Pool;
  readonly #benches: readonly Bench[];
  /** Every sequence that was started and is not over, by its key. */
  readonly #live = new Map<string, Sequence>();
  readonly #backlog = new Chain<Sequence>();
  readonly #maxRows: number;
  readonly #charging: Charging;
  readonly #curve = new CostCurve();
  readonly #endings: Endings;
  readonly #account: Account;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #patience: Patience;
  #waitingRequests = 0;
  #runningRequests = 0;
  #runningBatches = 0;
  #lastBatch = 0;
  #pumpSoon = false;
  #stopWaiting: (() => void) | undefined;
  #stopIdleWatch: (() => void) | undefined;
  #accepting = true;
  #onIdle: (() => void) | undefined;

  constructor(parts: SequenceSchedulerParts) {
    const { signature, rules, pool, clock } = parts;
    this.signature = signature;
    this.#rules = rules;
    this.#pool = pool;
    // Rows whose states differ in shape cannot be joined.
    const open = rules.stateInputs.some(({ shape }) => shape.includes(-1));
    const rows = Math.max(1, signature.maxBatchSize);
    this.#maxRows = open ? 1 : rows;
    const slots = rules.strategy === "direct" ? rows : rules.maxCandidateSequences;
    this.#benches = pool.lanes.map((lane) => ({ lane, slots: new Slots(slots), again: [] }));
    const share = parts.share ?? { clock: new ShareClock(), use: new DeviceUse() };
    this.#charging = new Charging(share.clock, share.use);
    this.#endings = new Endings(signature, parts.account, clock, parts.origin);
    this.#account = parts.account;
    this.#clock = clock;
    this.#log = parts.log;
    this.#patience = new Patience(pool, clock, parts.patienceMs);
    pool.onChange = () => this.#instancesChanged();
  }

  get trouble(): string | undefined {
    return this.#pool.failure;
  }

  get instances() {
    return this.#pool.lanes.map((lane) => lane.instance);
  }

  get inFlight(): number {
    return this.#waitingRequests + this.#runningRequests;
  }

  /** Requests that wait for a slot or for those before them, of a row each. */
  *rowsByTenant(): Generator<readonly [tenant: string, rows: number], void> {
    for (const { waiting } of this.#live.values()) {
      for (const { call, request } of waiting) {
        yield [(call.caller?.tenant ?? DEFAULT_TENANT).name, request.rows];
      }
    }
  }

  /** @throws StatusError also where the request does not fit into a sequence, with Triton's texts. */
  submit(request: InferRequest, call: InferCall): void {
    const now = this.#clock.now();
    if (!this.#accepting) throw stopping(request);
    const mark = requireSequence(request);
    checkCorrelation(this.signature, mark);
    const sequence = this.#sequenceOf(request, sequenceKey(mark.id), mark.start, now);
    sequence.ended = mark.end;
    sequence.lastActive = now;
    const entry = newEntry(request, call, now);
    sequence.waiting.push(entry);
    this.#waitingRequests += 1;
    this.#account.pending(this.signature, 1);
    call.timeline.queued = now;
    call.onCancel = () => this.#cancelled(sequence, entry);
    this.#watchIdle();
    this.#pumpLater();
  }

  /** Waits for requests, not for the END of sequences that send none. */
  drain(): Promise<void> {
    this.#accepting = false;
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#noticeIdle();
    });
  }

  async close(): Promise<void> {
    this.#accepting = false;
    this.#stopWaiting?.();
    this.#stopIdleWatch?.();
    this.#patience.end();
    for (const sequence of [...this.#live.values()]) this.#drop(sequence, stopping);
    for (const entry of this.#benches.flatMap(({ again }) => again.splice(0).flat())) {
      this.#settle(entry, false);
      this.#endings.failed(entry, stopping(entry.request), "OTHER");
    }
    await this.#pool.close();
  }

  #sequenceOf(request: InferRequest, id: string, start: boolean, now: number): Sequence {
    const known = this.#live.get(id);
    if (!start && (known === undefined || known.ended)) throw startMissing(request);
    if (known !== undefined) return known;
    const sequence = new Sequence(id, now);
    this.#live.set(id, sequence);
    sequence.link = this.#backlog.append(sequence);
    return sequence;
  }

  #pumpLater(): void {
    if (this.#pumpSoon) return;
    this.#pumpSoon = true;
    const pump = () => {
      this.#pumpSoon = false;
      this.#pump();
    };
    // Requests of other sequences that are ready to be read share the batch, see Scheduler.
    if (this.#lastBatch > 1) this.#clock.soon(pump);
    else this.#clock.next(pump);
  }

  /** Gives slots to sequences and batches to devices as long as there are both. */
  #pump(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#leaveBacklog();
    let waitMs = Number.POSITIVE_INFINITY;
    for (const bench of this.#benches) waitMs = Math.min(waitMs, this.#pumpBench(bench));
    if (waitMs < Number.POSITIVE_INFINITY) {
      this.#stopWaiting = this.#clock.after(waitMs, () => this.#pump());
    }
    if (this.#backlog.size > 0)
      this.#patience.wait(this.signature.name, (why) => this.#giveUp(why));
    this.#noticeIdle();
  }

  #leaveBacklog(): void {
    for (const sequence of this.#backlog) {
      const bench = this.#roomiestBench();
      if (bench === undefined) return;
      this.#unlink(sequence);
      sequence.place = { bench, slot: bench.slots.take(sequence) };
    }
  }

  #roomiestBench(): Bench | undefined {
    let best: Bench | undefined;
    for (const bench of this.#benches) {
      if (!bench.lane.instance.ready || bench.slots.full) continue;
      if (best === undefined || bench.slots.taken < best.slots.taken) best = bench;
    }
    return best;
  }

  /** @returns ms after which there may be more to do; Infinity: not before something happens. */
  #pumpBench(bench: Bench): number {
    while (bench.lane.idle && !this.#keepsOrder()) {
      const again = bench.again.shift();
      if (again !== undefined) {
        this.#dispatch(bench, this.#stillWanted(again));
        continue;
      }
      const heads = this.#headsOf(bench);
      const [oldest] = heads;
      if (oldest === undefined) return Number.POSITIVE_INFINITY;
      const decision = this.#decide(bench, heads, oldest.call.timeline.queued);
      if ("waitMs" in decision) return decision.waitMs;
      this.#dispatch(bench, heads.slice(0, decision.take));
    }
    return Number.POSITIVE_INFINITY;
  }

  /** One batch after the other leaves answers in the order asked. */
  #keepsOrder(): boolean {
    return this.#rules.preserveOrdering && this.#runningBatches > 0;
  }

  /** The next request of every sequence there, oldest first; those that cannot share its batch left out. */
  #headsOf({ slots }: Bench): Entry[] {
    const heads: Entry[] = [];
    for (const { head } of slots) if (head !== undefined) heads.push(head);
    heads.sort((a, b) => a.call.timeline.queued - b.call.timeline.queued);
    const [oldest] = heads;
    if (oldest === undefined || oldest.request.alone || this.#maxRows === 1) {
      return heads.slice(0, 1);
    }
    const { batchKey } = oldest.request;
    return heads.filter(({ request }) => request.batchKey === batchKey && !request.alone);
  }

  #decide(bench: Bench, heads: readonly Entry[], oldestQueuedAt: number) {
    const now = this.#clock.now();
    const { strategy, preferredRows, maxDelayMs } = this.#rules;
    if (strategy === "direct") {
      const waitMs = waitForSlots(
        this.#rules,
        heads.length,
        bench.slots.count,
        oldestQueuedAt,
        now,
      );
      return waitMs > 0 ? { waitMs } : { take: heads.length };
    }
    let left = heads.length;
    const nextRows = () => {
      left -= 1;
      return left >= 0 ? 1 : 0;
    };
    const waiting = { nextRows, oldestQueuedAt };
    const rules = { maxRows: this.#maxRows, preferredRows, maxDelayMs };
    return decideBatch(rules, waiting, Number.POSITIVE_INFINITY, now);
  }

  #dispatch(bench: Bench, entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const now = this.#clock.now();
    for (const entry of entries) {
      const sequence = this.#live.get(keyOf(entry.request));
      if (sequence === undefined || sequence.running === entry) continue;
      sequence.waiting.shift();
      sequence.running = entry;
      this.#waitingRequests -= 1;
      this.#runningRequests += 1;
      entry.call.timeline.dispatched = now;
      this.#account.pending(this.signature, -1);
    }
    if (entries.some(({ call }) => call.story !== undefined)) {
      const closed = `the ${this.#rules.strategy} strategy of its sequences takes what is next of each`;
      tellDispatched(entries, bench.lane.instance, closed);
    }
    this.#lastBatch = entries.length;
    this.#runningBatches += 1;
    const batch = this.#rowsOf(bench, entries);
    const streamed = this.signature.decoupled ? this.#streamedBatch(batch, bench.lane) : undefined;
    const requests = batch.map(({ request }) => request);
    const predictedUs = this.#curve.predictUs(batch.length);
    this.#charging.name(entries);
    this.#charging.charge(entries, rowsOfClients(entries), predictedUs);
    bench.lane.execute(requests, streamed?.sink).then(
      (executed) => this.#executed(batch, executed, predictedUs, streamed),
      (error: unknown) => this.#failed(bench, entries, error, streamed),
    );
  }

  #streamedBatch(batch: readonly Entry[], { instance }: Lane): StreamedBatch {
    const parts = { signature: this.signature, endings: this.#endings, account: this.#account };
    return new StreamedBatch({ ...parts, instance }, batch);
  }

  /** With the direct strategy a request runs in the row of its slot. */
  #rowsOf({ slots }: Bench, entries: readonly Entry[]): readonly Entry[] {
    const [first] = entries;
    if (first === undefined || this.#rules.strategy === "oldest") return entries;
    if (first.request.alone || this.#maxRows === 1) return entries;
    const filling = emptySlot(first);
    const rows = new Array<Entry>(slots.span).fill(filling);
    for (const { running, place } of slots) {
      if (running && place && entries.includes(running)) rows[place.slot] = running;
    }
    return rows;
  }

  /** @param predictedUs see `Charging.measured` */
  #executed(
    batch: readonly Entry[],
    executed: Executed,
    predictedUs: number,
    streamed?: StreamedBatch,
  ): void {
    this.#runningBatches -= 1;
    const { inferUs } = executed.timing;
    this.#curve.observe(batch.length, inferUs);
    this.#charging.measured(batch, rowsOfClients(batch), predictedUs, inferUs);
    for (const entry of batch) this.#settle(entry, entry.request.sequence?.end !== true);
    // The device first, see Scheduler.
    if (this.#waitingRequests >= batch.length) this.#pump();
    const { timing } = executed;
    this.#account.execution({ signature: this.signature, rows: batch.length, timing });
    if (streamed) streamed.end(timing);
    else this.#endings.answered(batch, executed);
    executed.release();
    this.#pumpLater();
    this.#noticeIdle();
  }

  #failed(bench: Bench, all: readonly Entry[], error: unknown, streamed?: StreamedBatch): void {
    this.#runningBatches -= 1;
    const batch = streamed ? this.#unanswered(all, streamed.fail(error), error) : all;
    if (error instanceof WorkerLost) {
      this.#account.lost(this.signature, error.executing);
      for (const entry of batch) this.#lose(entry);
    } else {
      tellFailed(batch, bench.lane.instance, error);
      const { again, failed } = afterFailure(this.#stillWanted(batch), error);
      bench.again.push(...again);
      for (const { entry, status } of failed) {
        this.#settle(entry, true);
        this.#endings.failed(entry, status, "BACKEND");
      }
      if (again.length > 0) {
        const reason = error instanceof Error ? error.message : String(error);
        const { name: model, version } = this.signature;
        this.#log.warn("an execution failed and is repeated", { model, version, reason });
      }
    }
    this.#pump();
  }

  /** @param left by the responses that came before the failure @returns the requests among them */
  #unanswered(batch: readonly Entry[], left: readonly Entry[], error: unknown): readonly Entry[] {
    for (const entry of batch) {
      if (!left.includes(entry)) this.#settle(entry, !(error instanceof WorkerLost));
    }
    return batch.filter((entry) => left.includes(entry));
  }

  /** Those whose clients still listen; the others are done with. */
  #stillWanted(batch: readonly Entry[]): readonly Entry[] {
    return batch.filter((entry) => {
      if (!entry.call.cancelled) return true;
      this.#settle(entry, true);
      this.#endings.cancelled(entry);
      return false;
    });
  }

  /** A request is no longer running. */
  #settle(entry: Entry, stateKept: boolean): void {
    if (entry.request.sequence?.ready === false) return;
    this.#runningRequests -= 1;
    const sequence = this.#live.get(keyOf(entry.request));
    // It may have been lost and started again meanwhile.
    if (sequence?.running !== entry) return;
    sequence.running = undefined;
    sequence.stateKept = stateKept;
    sequence.lastActive = this.#clock.now();
    if (sequence.over) this.#end(sequence);
  }

  #lose(entry: Entry): void {
    const id = keyOf(entry.request);
    this.#settle(entry, false);
    this.#endings.failed(entry, lostWithWorker(this.signature, id), "BACKEND");
  }

  /** Takes it out of everything; its requests were dealt with. */
  #end(sequence: Sequence): void {
    this.#live.delete(sequence.id);
    this.#unlink(sequence);
    const { place } = sequence;
    if (place === undefined) return;
    sequence.place = undefined;
    place.bench.slots.free(place.slot);
    const keepsState = this.#rules.states.length > 0 && sequence.stateKept;
    if (keepsState) place.bench.lane.instance.forget(sequence.id);
    if (this.#backlog.size > 0) this.#pumpLater();
  }

  /** Ends it and fails what waits of it. One that runs is answered, or fails by itself. */
  #drop(sequence: Sequence, why: (request: InferRequest) => StatusError, reason?: "BACKEND"): void {
    const waiting = sequence.waiting.splice(0);
    this.#end(sequence);
    this.#fail(waiting, why, reason ?? "OTHER");
  }

  #fail(
    entries: readonly Entry[],
    why: (request: InferRequest) => StatusError,
    reason: "BACKEND" | "OTHER" | "REJECTED",
  ): void {
    for (const entry of entries) {
      this.#waitingRequests -= 1;
      this.#account.pending(this.signature, -1);
      this.#endings.failed(entry, why(entry.request), reason);
    }
  }

  #unlink(sequence: Sequence): void {
    if (sequence.link) this.#backlog.remove(sequence.link);
    sequence.link = undefined;
  }

  #cancelled(sequence: Sequence, entry: Entry): void {
    const orphans = sequence.withdraw(entry);
    // One that runs is accounted for when its batch is done.
    if (orphans === undefined) return;
    this.#waitingRequests -= 1;
    this.#account.pending(this.signature, -1);
    this.#endings.cancelled(entry);
    this.#fail(orphans, startMissing, "OTHER");
    if (sequence.over && this.#live.get(sequence.id) === sequence) this.#end(sequence);
    this.#noticeIdle();
  }

  /** One timer for all sequences; it runs while there are any. */
  #watchIdle(): void {
    if (this.#stopIdleWatch || this.#live.size === 0) return;
    const now = this.#clock.now();
    let next = now + this.#rules.maxIdleMs;
    for (const { lastActive } of this.#live.values()) {
      if (lastActive + this.#rules.maxIdleMs > now) {
        next = Math.min(next, lastActive + this.#rules.maxIdleMs);
      }
    }
    this.#stopIdleWatch = this.#clock.after(next - now, () => {
      this.#stopIdleWatch = undefined;
      this.#endIdle();
      this.#watchIdle();
      this.#noticeIdle();
    });
  }

  #endIdle(): void {
    const idleSince = this.#clock.now() - this.#rules.maxIdleMs;
    for (const sequence of this.#live.values()) {
      const busy = sequence.running !== undefined || sequence.waiting.length > 0;
      if (sequence.place && !busy && sequence.lastActive <= idleSince) {
        this.#drop(sequence, idleTooLong);
      }
    }
    // Their slots are taken before anybody is told that it took too long to get one.
    this.#leaveBacklog();
    if (!this.#pool.available) return;
    for (const sequence of this.#backlog) {
      if (sequence.lastActive <= idleSince) this.#drop(sequence, idleTooLong);
    }
  }

  #instancesChanged(): void {
    for (const bench of this.#benches) {
      if (bench.lane.instance.ready) continue;
      const { again, slots } = bench;
      const lost = (request: InferRequest) => lostWithWorker(this.signature, keyOf(request));
      for (const sequence of [...slots]) {
        sequence.stateKept = false;
        this.#drop(sequence, lost, "BACKEND");
      }
      for (const entry of again.splice(0).flat()) this.#lose(entry);
    }
    if (this.#pool.available) {
      this.#patience.end();
      // The backlog could not have been served: its time begins now.
      for (const sequence of this.#backlog) sequence.lastActive = this.#clock.now();
    }
    this.#pump();
  }

  #giveUp(reason: string): void {
    for (const sequence of this.#backlog) {
      this.#drop(sequence, () => new StatusError("UNAVAILABLE", reason), "BACKEND");
    }
    this.#noticeIdle();
  }

  #noticeIdle(): void {
    if (!this.#onIdle || this.inFlight > 0) return;
    this.#onIdle();
    this.#onIdle = undefined;
  }
}

const keyOf = ({ sequence }: InferRequest) => (sequence ? sequenceKey(sequence.id) : "");
