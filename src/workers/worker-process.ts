/**
 * One worker process, from its start to its death: words, runs, and the watch
 * over both. Knows nothing of respawning; whoever does is told why it died.
 *
 * starting → ready → dead
 */
import type { Readable } from "node:stream";
import { BackendError, type BackendFault } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { Channel } from "./channel.ts";
import { LastWords } from "./last-words.ts";
import { LoadMeter } from "./load-meter.ts";
import { type PendingRun, PendingRuns } from "./pending-runs.ts";
import type { LentRoom } from "./rooms.ts";
import { INLINE, type PlacedOutput, readResponse, readResult, runFrame } from "./run-frames.ts";
import { killGroup, type SpawnedWorker, spawnWorker } from "./spawn-worker.ts";
import { type Run, type RunOutput, type RunResult, WorkerLost } from "./types.ts";
import { judge, type WatchLimits } from "./watch.ts";
import {
  FrameType,
  type FromWorker,
  PROTOCOL,
  readWords,
  type ToWorker,
  wordsFrame,
} from "./words.ts";

export interface WorkerSettings extends WatchLimits {
  /** The built `host.js`. */
  readonly hostEntry: string;
  readonly helloTimeoutMs: number;
  /** Between two looks at a worker, and two pings to an idle one. */
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Time for a polite end before the kill. */
const END_GRACE_MS = 2_000;
/** Time for the system to end a killed process. One that waits in a driver may not end for hours: then it is given up. */
const KILLED_GRACE_MS = 5_000;
/** Time between a process' end and that of its streams, after which they count as ended. */
const STREAMS_GRACE_MS = 500;

interface PendingAsk {
  /** Or when its last execution began. */
  askedAt: number;
  /** It takes no longer than an execution. */
  isShort: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Ask = Extract<ToWorker, { readonly ask: number }>;
/** Those that take no longer than an execution; loads do. */
const SHORT_ASKS: ReadonlySet<Ask["type"]> = new Set(["probe", "devices", "sensors"]);
/** `Omit` for each member of a union. */
type Unnumbered<T> = T extends Ask ? Omit<T, "ask"> : never;

export class WorkerProcess {
  /** Called once, after every pending run and ask was rejected. */
  onDeath: (() => void) | undefined;
  /** Called when an instance's device stops serving, with the reason, and when it serves again. */
  onTrouble: ((instance: number, reason: string | undefined) => void) | undefined;
  readonly meter: LoadMeter;
  readonly pid: number;

  readonly #settings: WorkerSettings;
  readonly #channel: Channel;
  readonly #lastWords = new LastWords();
  readonly #runs = new PendingRuns();
  readonly #asks = new Map<number, PendingAsk>();
  readonly #gone: Promise<void>;
  #settleGone: () => void = () => {};
  #greeted: () => void = () => {};
  #state: "starting" | "ready" | "dead" = "starting";
  #killedBecause: string | undefined;
  #ending = false;
  #nextRun = 0;
  #nextAsk = 0;
  /** Since when the oldest run is the oldest, where there is one; later by the time that asks took meanwhile. */
  #headSince = 0;
  /** Since when there are asks, where there are any. */
  #askingSince = 0;
  #pingedAt: number | undefined;
  #stopTicking: () => void = () => {};
  /** Takes back that a killed process is given up; undefined: it was not killed. */
  #endsAfterAll: (() => void) | undefined;
  /** Empty while it lives. */
  #deathReason = "";

  /** @throws WorkerLost where the process cannot be started or does not say hello in time. */
  static async start(settings: WorkerSettings): Promise<WorkerProcess> {
    const worker = new WorkerProcess(settings, spawned(settings));
    await worker.#hello();
    return worker;
  }

  private constructor(settings: WorkerSettings, worker: SpawnedWorker) {
    const { clock } = settings;
    const { pid, outputs, channel, exit } = worker;
    this.pid = pid;
    this.#settings = settings;
    this.meter = new LoadMeter(clock.now());
    this.#gone = new Promise((resolve) => {
      this.#settleGone = resolve;
    });
    const read = Promise.all([...outputs, channel].map(closed));
    void exit.then((how) => {
      killGroup(pid);
      // Once all streams were read to their end; a stray child may hold them open.
      const giveUp = clock.after(STREAMS_GRACE_MS, () => this.#die(how));
      void read.then(() => {
        giveUp();
        this.#die(how);
      });
    });
    for (const output of outputs) {
      output.on("data", (chunk: Buffer) => this.#lastWords.push(chunk));
      output.on("error", () => {});
    }
    this.#channel = new Channel(
      channel,
      (type, meta, payload) => this.#onFrame(type, meta, payload),
      (error) => this.#onChannelClosed(error),
    );
    this.#tickLater();
  }

  get state(): "starting" | "ready" | "dead" {
    return this.#state;
  }

  /** Empty while it lives. */
  get deathReason(): string {
    return this.#deathReason;
  }

  /** Runs given to it and not settled. */
  get inFlight(): number {
    return this.#runs.size;
  }

  /** @throws BackendError as the worker answers, WorkerLost where it dies meanwhile. */
  async ask(words: Unnumbered<Ask>): Promise<unknown> {
    if (this.#state === "dead") throw this.#lost(false);
    const ask = this.#nextAsk++;
    const frame = wordsFrame({ ...words, ask } as ToWorker);
    return new Promise((resolve, reject) => {
      const isShort = SHORT_ASKS.has(words.type);
      const askedAt = this.#settings.clock.now();
      if (this.#asks.size === 0) this.#askingSince = askedAt;
      // A load may take minutes, the answer to a ping before it may not.
      if (!isShort && this.#pingedAt === undefined && !this.#isLoading()) this.#ping(askedAt);
      this.#asks.set(ask, { askedAt, isShort, resolve, reject });
      this.#channel.send(frame);
    });
  }

  /**
   * @throws BackendError as the backend answers, WorkerLost where the worker dies meanwhile,
   * RangeError where the inputs are too large to be sent.
   */
  async run(instance: number, maxInFlight: number, run: Run, room: LentRoom): Promise<RunResult> {
    if (this.#state === "dead") throw this.#lost(false);
    const id = this.#nextRun;
    this.#nextRun = (id + 1) >>> 0;
    const { inputs, outputs, outputOffset, memberRows, notes, onResponse } = run;
    // Written out: V8 makes a new hidden class for each `{ ...message, room }`, in the old space.
    const message = {
      run: id,
      instance,
      room: room.plain ? INLINE : room.id,
      roomBytes: room.bytes.length,
      outputOffset,
      inputs,
      outputs,
      memberRows,
      notes,
      streamed: onResponse !== undefined,
    };
    const frame = runFrame(message, room.plain ? outputOffset : 0);
    return new Promise((resolve, reject) => {
      if (this.#runs.size === 0) this.#headSince = this.#settings.clock.now();
      this.#runs.add(id, { instance, maxInFlight, room, onResponse, resolve, reject });
      this.#channel.send(frame, room.plain ? [room.bytes.subarray(0, outputOffset)] : undefined);
      run.signal?.addEventListener("abort", () => this.#abort(instance, id), { once: true });
    });
  }

  #abort(instance: number, run: number): void {
    if (this.#runs.has(run)) this.#channel.send(wordsFrame({ type: "abort", instance, run }));
  }

  /** Drops what is kept for a sequence; nothing is answered. */
  forget(instance: number, sequence: string): void {
    if (this.#state === "dead") return;
    this.#channel.send(wordsFrame({ type: "forget", instance, sequence }));
  }

  /** Ends the whole process group at once. Pending work is rejected with this reason. */
  kill(reason: string): void {
    if (this.#state === "dead") return;
    if (!this.#ending) this.#killedBecause ??= reason;
    this.#killNow();
  }

  #killNow(): void {
    killGroup(this.pid);
    this.#endsAfterAll ??= this.#settings.clock.after(KILLED_GRACE_MS, () =>
      this.#die("does not end although it was killed"),
    );
  }

  /** Lets it unload and exit, and kills it where that takes too long. Resolves when it is gone. */
  async end(): Promise<void> {
    if (this.#state === "dead") return;
    this.#ending = true;
    this.#channel.send(wordsFrame({ type: "end" }));
    const giveUp = this.#settings.clock.after(END_GRACE_MS, () => this.#killNow());
    await this.#gone;
    giveUp();
  }

  async #hello(): Promise<void> {
    const { clock, helloTimeoutMs } = this.#settings;
    const giveUp = clock.after(helloTimeoutMs, () =>
      this.kill(`it did not say hello within ${helloTimeoutMs} ms`),
    );
    const greeted = new Promise<void>((resolve) => {
      this.#greeted = resolve;
    });
    await Promise.race([greeted, this.#gone]);
    giveUp();
    if (this.#state === "dead") throw this.#lost(false);
  }

  #onFrame(type: number, meta: Buffer, payload: Buffer): void {
    // A sign of life from before the ping: that one is still to be answered.
    if (this.#pingedAt !== undefined) this.#pingedAt = this.#settings.clock.now();
    try {
      if (type === FrameType.result) this.#onResult(meta, payload);
      else if (type === FrameType.response) this.#onResponse(meta, payload);
      else this.#onWords(readWords<FromWorker>(meta));
    } catch (cause) {
      this.kill(`it sent what cannot be: ${cause instanceof Error ? cause.message : cause}`);
    }
  }

  /** A worker without a channel is of no use; usually it is dying and the channel went first. */
  #onChannelClosed(error: Error | undefined): void {
    if (error !== undefined && !("code" in error)) this.kill(`its channel broke: ${error.message}`);
    else this.#killNow();
  }

  #onResponse(meta: Buffer, payload: Buffer): void {
    const { run, outputs, ...response } = readResponse(meta);
    const { onResponse } = this.#runs.get(run);
    // A stream may last; what must not is its silence.
    this.#showedLife(run);
    let end = 0;
    const views = outputs.map(({ index, shape, byteLength }) => {
      const start = end;
      end += byteLength;
      return toRunOutput({ index, shape, offset: start, byteLength }, payload);
    });
    onResponse?.({ ...response, outputs: views });
  }

  #onResult(meta: Buffer, payload: Buffer): void {
    const { run, timing, outputs } = readResult(meta);
    const { resolve, reject, room } = this.#takeRun(run);
    const busyMs = (timing.inputUs + timing.inferUs + timing.outputUs) / 1000;
    this.meter.add(busyMs, this.#settings.clock.now());
    try {
      const memory = ({ inline }: PlacedOutput) => (inline ? payload : room.bytes);
      resolve({ outputs: outputs.map((output) => toRunOutput(output, memory(output))), timing });
    } catch (cause) {
      reject(this.#lost(true));
      throw cause;
    }
  }

  #onWords(words: FromWorker): void {
    if (words.type === "hello") this.#onHello(words.protocol);
    else if (words.type === "pong") this.#pingedAt = undefined;
    else if (words.type === "answer") this.#takeAsk(words.ask).resolve(words.value);
    else if (words.type === "progress") this.#onProgress(words.ask);
    else if (words.type === "refusal") this.#takeAsk(words.ask).reject(toError(words));
    else if (words.type === "failure") this.#takeRun(words.run).reject(toError(words));
    else if (words.type === "trouble") this.onTrouble?.(words.instance, words.reason);
    else if (words.type === "log") {
      const { level, message, fields } = words;
      this.#settings.log[level](message, { ...fields, worker: this.pid });
    }
  }

  #onProgress(id: number): void {
    const pending = this.#asks.get(id);
    if (pending === undefined) throw new Error(`progress of ask ${id}, which is not pending`);
    pending.askedAt = this.#settings.clock.now();
    pending.isShort = true;
  }

  #onHello(protocol: number): void {
    if (protocol !== PROTOCOL) throw new Error(`protocol ${protocol} instead of ${PROTOCOL}`);
    this.#state = "ready";
    this.#greeted();
  }

  #takeRun(id: number): PendingRun {
    this.#showedLife(id);
    return this.#runs.take(id);
  }

  /** The oldest run alone starts the watch anew: one that hangs is not excused by answers to younger ones. */
  #showedLife(id: number): void {
    if (this.#runs.isOldest(id)) this.#headSince = this.#settings.clock.now();
  }

  #takeAsk(id: number): PendingAsk {
    const pending = this.#asks.get(id);
    if (pending === undefined) throw new Error(`an answer to ask ${id}, which is not pending`);
    this.#asks.delete(id);
    if (this.#asks.size === 0) {
      // Runs are not to blame for the time of a load, and are for what they took before it.
      const countedMs = Math.max(0, this.#askingSince - this.#headSince);
      this.#headSince = this.#settings.clock.now() - countedMs;
    }
    return pending;
  }

  #tickLater(): void {
    const { heartbeatMs, executionTimeoutMs, clock } = this.#settings;
    const periodMs = Math.min(heartbeatMs, executionTimeoutMs / 4);
    // What arrived while this process was itself busy or stopped is read before anybody is judged.
    this.#stopTicking = clock.after(periodMs, () => clock.soon(() => this.#tick()));
  }

  /** The watchdog and the heartbeat: one timer for all runs. */
  #tick(): void {
    if (this.#state === "dead") return;
    // Until the hello its own time-out watches.
    if (this.#state === "ready") this.#watch(this.#settings.clock.now());
    this.#tickLater();
  }

  #watch(now: number): void {
    const [oldestAsk] = this.#asks.values();
    const headSince = this.#runs.size > 0 ? this.#headSince : undefined;
    const { askedAt, isShort: askIsShort = false } = oldestAsk ?? { askedAt: undefined };
    const watched = { askedAt, askIsShort, headSince, pingedAt: this.#pingedAt };
    const verdict = judge(watched, this.#settings, now);
    if (verdict === "ping") {
      this.#ping(now);
    } else if (verdict !== "fine") {
      this.kill(verdict.killBecause);
    }
  }

  /** Or unloading: it may be too busy to answer anything. */
  #isLoading(): boolean {
    return [...this.#asks.values()].some(({ isShort }) => !isShort);
  }

  #ping(now: number): void {
    this.#pingedAt = now;
    this.#channel.send(wordsFrame({ type: "ping" }));
  }

  #die(how: string): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#stopTicking();
    this.#endsAfterAll?.();
    this.#channel.close();
    const why = this.#killedBecause === undefined ? "" : `: ${this.#killedBecause}`;
    this.#deathReason = this.#ending
      ? `worker ${this.pid} ended`
      : `worker ${this.pid} ${how}${why}`;
    if (!this.#ending) {
      const lastWords = this.#lastWords.toString();
      this.#settings.log.warn(this.#deathReason, lastWords === "" ? {} : { lastWords });
    }
    this.#runs.abandon(this.#asks.size > 0, (executing) => this.#lost(executing));
    for (const ask of this.#asks.values()) ask.reject(this.#lost(false));
    this.#asks.clear();
    this.#settleGone();
    this.onDeath?.();
  }

  #lost(executing: boolean): WorkerLost {
    return new WorkerLost(this.#deathReason || `worker ${this.pid} is out of order`, executing);
  }
}

function spawned({ hostEntry, log }: WorkerSettings): SpawnedWorker {
  try {
    return spawnWorker(hostEntry);
  } catch (thrown) {
    const reason = `a worker could not be started: ${thrown instanceof Error ? thrown.message : thrown}`;
    log.warn(reason);
    throw new WorkerLost(reason, false);
  }
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => stream.once("close", resolve));
}

function toError({ fault, message }: { fault: BackendFault; message: string }): BackendError {
  return new BackendError(fault, message);
}

function toRunOutput(
  { index, shape, offset, byteLength }: Omit<PlacedOutput, "inline">,
  memory: Buffer,
): RunOutput {
  if (!(offset >= 0 && byteLength >= 0 && offset + byteLength <= memory.length)) {
    throw new RangeError(`output ${index} at ${offset} + ${byteLength} of ${memory.length} bytes`);
  }
  return { index, shape, data: memory.subarray(offset, offset + byteLength) };
}
