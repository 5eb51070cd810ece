/** One model in a worker, as the pool sees it: lasts longer than any of its workers. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { LentRoom, Rooms } from "./rooms.ts";
import {
  type Instance,
  type LoadReport,
  type LoadRequest,
  type Room,
  type Run,
  type RunResult,
  WorkerLost,
} from "./types.ts";
import type { BackendSource, LoadedWords } from "./words.ts";
import type { WorkerProcess } from "./worker-process.ts";

export interface ManagedInstanceOptions {
  readonly number: number;
  readonly request: LoadRequest;
  readonly backend: BackendSource;
  /** undefined: no shared memory here. */
  readonly slabFolder: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends its stay in the fleet. */
  readonly onClose: (instance: ManagedInstance) => Promise<void>;
}

export class ManagedInstance implements Instance {
  readonly id: string;
  readonly number: number;
  readonly request: LoadRequest;
  onChange: (() => void) | undefined;

  readonly #options: ManagedInstanceOptions;
  #report: LoadReport | undefined;
  #worker: WorkerProcess | undefined;
  #rooms: Rooms | undefined;
  #closed = false;
  /** Why it could not be loaded again. */
  #refusal: string | undefined;
  /** Why its device does not serve, as the device itself tells. */
  #trouble: string | undefined;

  constructor(options: ManagedInstanceOptions) {
    const { model, version } = options.request.variant;
    this.id = `${model}/${version}#${options.number}`;
    this.number = options.number;
    this.request = options.request;
    this.#options = options;
  }

  get variant() {
    return this.request.variant;
  }

  get report(): LoadReport {
    if (this.#report === undefined) throw new Error(`${this.id} was never loaded`);
    return this.#report;
  }

  /** False until the first load succeeded. */
  get loadedOnce(): boolean {
    return this.#report !== undefined;
  }

  get workerPid(): number {
    return this.#worker?.pid ?? 0;
  }

  get ready(): boolean {
    return this.loaded && this.#trouble === undefined;
  }

  /** True: a worker holds it. */
  get loaded(): boolean {
    return this.#worker !== undefined;
  }

  get failure(): string | undefined {
    return this.#refusal ?? this.#trouble;
  }

  room(byteLength: number): Room | undefined {
    return this.#rooms?.lend(byteLength);
  }

  async run(run: Run): Promise<RunResult> {
    const { room } = run;
    if (!(room instanceof LentRoom)) throw new TypeError("a room of another fleet");
    const worker = this.#worker;
    if (worker === undefined || room.rooms !== this.#rooms) {
      throw new WorkerLost(`the worker of ${this.id} is gone`, false);
    }
    return worker.run(this.number, this.report.maxInFlight, run, room);
  }

  async probe(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) throw new WorkerLost(`the worker of ${this.id} is gone`, false);
    await worker.ask({ type: "probe", instance: this.number });
  }

  forget(sequence: string): void {
    this.#worker?.forget(this.number, sequence);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const worker = this.#worker;
    this.lost();
    await worker?.ask({ type: "unload", instance: this.number }).catch(() => {});
    await this.#options.onClose(this);
  }

  /** Loads into this worker and becomes ready. @throws BackendError, WorkerLost. */
  async loadInto(worker: WorkerProcess): Promise<void> {
    const { number: instance, request, backend } = this.#options;
    const { variant, signature, warmup, options, device } = request;
    this.#trouble = undefined;
    const answer = await worker.ask({
      type: "load",
      instance,
      load: {
        backend,
        variant,
        ...(signature ? { signature } : {}),
        ...(warmup ? { warmup } : {}),
        options,
        device,
      },
    });
    const loaded = answer as LoadedWords;
    const rooms = this.#newRooms(loaded.maxInFlight + 1);
    const undo = async () => {
      rooms.close();
      await worker.ask({ type: "unload", instance }).catch(() => {});
    };
    try {
      const { words } = rooms;
      if (words.length > 0) await worker.ask({ type: "rooms", instance, rooms: words });
      rooms.unlink();
      if (worker.state === "dead") throw new WorkerLost(`worker ${worker.pid} died`, false);
    } catch (cause) {
      await undo();
      throw cause;
    }
    if (this.#closed) {
      await undo();
      return;
    }
    this.#refusal = undefined;
    this.#report = { ...loaded, batchInvariant: loaded.batchInvariant };
    this.#rooms = rooms;
    this.#worker = worker;
    this.onChange?.();
  }

  /** The worker is dead or no longer ours. */
  lost(): void {
    if (this.#worker === undefined) return;
    this.#worker = undefined;
    this.#trouble = undefined;
    this.#rooms?.close();
    this.#rooms = undefined;
    this.onChange?.();
  }

  /** Its backend refused to load it again. */
  refused(reason: string): void {
    this.#refusal = reason;
    this.onChange?.();
  }

  /** Its device stopped serving, or (undefined) serves again. */
  troubled(reason: string | undefined): void {
    if (this.#trouble === reason) return;
    this.#trouble = reason;
    const { log } = this.#options;
    const device = this.#report?.device.id;
    if (reason === undefined) log.info("a device serves again", { instance: this.id, device });
    else log.warn("a device does not serve", { instance: this.id, device, reason });
    this.onChange?.();
  }

  /** Gives back memory of rooms that a large batch left behind. */
  shrinkRooms(): void {
    this.#rooms?.shrink();
  }

  #newRooms(count: number): Rooms {
    const { slabFolder, log } = this.#options;
    try {
      return new Rooms(count, slabFolder);
    } catch (cause) {
      log.warn("no shared memory left: tensors travel through the worker's channel, more slowly", {
        instance: this.id,
        slabFolder,
        cause,
      });
      return new Rooms(count, undefined);
    }
  }
}
