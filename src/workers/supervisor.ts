/** Keeps one worker alive: starts it, and after its death starts another and loads the same models. */
import { BackendError } from "../../backends/contract.ts";
import { backOffMs, deathsInARow } from "./back-off.ts";
import type { ManagedInstance } from "./instance.ts";
import type { WorkerView } from "./types.ts";
import { WorkerProcess, type WorkerSettings } from "./worker-process.ts";

export interface SupervisorOptions extends WorkerSettings {
  /** Told of an instance whose reload killed the worker, so that it troubles the others no more. */
  readonly isolate: (instance: ManagedInstance, deathsInARow: number) => void;
}

export class Supervisor {
  readonly device: string;
  readonly #options: SupervisorOptions;
  readonly #instances = new Set<ManagedInstance>();
  #worker: WorkerProcess | undefined;
  #starting: Promise<WorkerProcess> | undefined;
  #reviving = false;
  #starts = 0;
  #deathsInARow: number;
  /** Since when the worker has had its models; undefined: it does not. */
  #servesSince: number | undefined;
  #closed = false;
  #lastDeath: { readonly reason: string; readonly atMs: number } | undefined;
  #cancelWait: () => void = () => {};

  /** `deaths` that the instances to come have already caused elsewhere. */
  constructor(device: string, options: SupervisorOptions, deaths = 0) {
    this.device = device;
    this.#options = options;
    this.#deathsInARow = deaths;
  }

  get instances(): ReadonlySet<ManagedInstance> {
    return this.#instances;
  }

  /** Share of time spent executing lately. */
  get busyShare(): number {
    return this.#worker?.meter.share(this.#options.clock.now()) ?? 0;
  }

  get view(): WorkerView {
    const worker = this.#worker;
    const death = this.#lastDeath;
    return {
      device: this.device,
      pid: worker?.pid ?? 0,
      state: worker?.state ?? (this.#starting || this.#reviving ? "starting" : "dead"),
      instances: [...this.#instances].map(({ id }) => id),
      inFlight: worker?.inFlight ?? 0,
      respawns: Math.max(0, this.#starts - 1),
      ...(death && {
        lastDeath: {
          reason: death.reason,
          secondsAgo: (this.#options.clock.now() - death.atMs) / 1000,
        },
      }),
    };
  }

  /** First load of an instance. Where it fails the instance is not kept. */
  async load(instance: ManagedInstance): Promise<void> {
    this.#instances.add(instance);
    try {
      const worker = await this.#ensureWorker();
      await instance.loadInto(worker);
      this.#loaded();
    } catch (cause) {
      this.#instances.delete(instance);
      if (cause instanceof BackendError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new BackendError("internal", `loading ${instance.id}: ${reason}`, { cause });
    }
  }

  /** Takes an instance that was loaded elsewhere before, and loads it as after a death. */
  adopt(instance: ManagedInstance): void {
    this.#instances.add(instance);
    void this.#revive();
  }

  /** @returns true where nobody is left. */
  remove(instance: ManagedInstance): boolean {
    this.#instances.delete(instance);
    return this.#instances.size === 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelWait();
    for (const instance of this.#instances) instance.lost();
    this.#instances.clear();
    const worker = this.#worker ?? (await this.#starting?.catch(() => undefined));
    await worker?.end();
  }

  async #ensureWorker(): Promise<WorkerProcess> {
    if (this.#worker) return this.#worker;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(): Promise<WorkerProcess> {
    try {
      const worker = await WorkerProcess.start(this.#options);
      this.#worker = worker;
      worker.onDeath = () => this.#onDeath(worker);
      worker.onTrouble = (number, reason) => {
        for (const instance of this.#instances) {
          if (instance.number === number) instance.troubled(reason);
        }
      };
      this.#starts += 1;
      return worker;
    } catch (cause) {
      this.#deathsInARow += 1;
      throw cause;
    }
  }

  #onDeath(worker: WorkerProcess): void {
    this.#worker = undefined;
    if (!this.#closed) {
      this.#lastDeath = { reason: worker.deathReason, atMs: this.#options.clock.now() };
    }
    const now = this.#options.clock.now();
    this.#deathsInARow = deathsInARow(this.#deathsInARow, now - (this.#servesSince ?? now));
    this.#servesSince = undefined;
    for (const instance of this.#instances) instance.lost();
    void this.#revive();
  }

  /** Until all instances are loaded again, or there is nobody left to load. */
  async #revive(): Promise<void> {
    if (this.#reviving) return;
    this.#reviving = true;
    while (!this.#closed && this.#waiting().length > 0) {
      await this.#wait(backOffMs(this.#deathsInARow, Math.random()));
      if (!this.#closed) await this.#reload();
    }
    this.#reviving = false;
  }

  #waiting(): ManagedInstance[] {
    return [...this.#instances].filter((instance) => !instance.loaded && instance.loadedOnce);
  }

  async #reload(): Promise<void> {
    let worker: WorkerProcess;
    try {
      worker = await this.#ensureWorker();
    } catch {
      // Logged and counted where it happened.
      return;
    }
    for (const instance of this.#waiting()) {
      try {
        await instance.loadInto(worker);
      } catch (cause) {
        this.#onReloadFailed(instance, worker, cause);
        if (worker.state === "dead") return;
      }
    }
    this.#loaded();
  }

  /** The worker has what it is to have, as far as it took it. */
  #loaded(): void {
    if (this.#worker !== undefined) this.#servesSince ??= this.#options.clock.now();
  }

  #onReloadFailed(instance: ManagedInstance, worker: WorkerProcess, cause: unknown): void {
    if (this.#closed) return;
    const { log, isolate } = this.#options;
    log.error("a model could not be loaded again", { instance: instance.id, cause });
    if (worker.state !== "dead") {
      instance.refused(cause instanceof Error ? cause.message : String(cause));
      this.#deathsInARow += 1;
    } else if (this.#instances.size > 1) {
      this.#instances.delete(instance);
      isolate(instance, this.#deathsInARow);
    }
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(delayMs, resolve);
      this.#cancelWait = () => {
        cancel();
        resolve();
      };
    });
  }
}
