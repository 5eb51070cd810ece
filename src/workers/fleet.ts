/** All worker processes of this gateway: which model goes into which, and their common end. */
import { availableParallelism } from "node:os";
import { BackendError, type Device, type DeviceSensors } from "../../backends/contract.ts";
import { chooseWorker } from "./choose-worker.ts";
import { ManagedInstance } from "./instance.ts";
import { sharedMemorySupported } from "./libc.ts";
import { chooseSlabFolder, sweepStaleSlabs } from "./slab.ts";
import { Supervisor } from "./supervisor.ts";
import {
  type Fleet,
  type Instance,
  type LoadRequest,
  WorkerLost,
  type WorkerView,
} from "./types.ts";
import type { BackendSource } from "./words.ts";
import { WorkerProcess, type WorkerSettings } from "./worker-process.ts";

/** How long a free room keeps memory it does not need: one to two of these. */
const SHRINK_PERIOD_MS = 2_000;

export interface FleetOptions extends Pick<WorkerSettings, "hostEntry" | "clock" | "log"> {
  /** Backends with options, or from packages. Built-in ones need no entry. */
  readonly backends?: readonly BackendSource[];
  /** Beyond it, instances on CPUs share workers. Default: 2 × CPUs. */
  readonly maxCpuWorkers?: number;
  /** Default 30 s. */
  readonly executionTimeoutMs?: number;
  /** Default 10 min: bitstreams and vendors that compile take that long. */
  readonly loadTimeoutMs?: number;
  /** Default 1 s. */
  readonly heartbeatMs?: number;
  /** Default 20 s: Node and native libraries from a cold network disk. */
  readonly helloTimeoutMs?: number;
  /** For the shared memory; default /dev/shm, the system's temporary folder where that is missing. */
  readonly slabFolder?: string;
}

export function createFleet(options: FleetOptions): Fleet {
  return new LocalFleet(options);
}

class LocalFleet implements Fleet {
  readonly #options: FleetOptions;
  readonly #settings: WorkerSettings;
  readonly #slabFolder: string | undefined;
  readonly #supervisors = new Set<Supervisor>();
  /** Of workers that are asked for devices or their sensors, and for nothing else. */
  readonly #inquiries = new Set<Promise<unknown>>();
  #nextNumber = 0;
  #closed = false;
  #stopShrinking: () => void = () => {};

  constructor(options: FleetOptions) {
    this.#options = options;
    const { hostEntry, clock, log } = options;
    const {
      executionTimeoutMs = 30_000,
      loadTimeoutMs = 600_000,
      heartbeatMs = 1_000,
      helloTimeoutMs = 20_000,
    } = options;
    const limits = { executionTimeoutMs, loadTimeoutMs, heartbeatMs, helloTimeoutMs };
    this.#settings = { hostEntry, clock, log, ...limits };
    if (sharedMemorySupported) {
      this.#slabFolder = chooseSlabFolder(options.slabFolder ?? "/dev/shm");
      const swept = sweepStaleSlabs(this.#slabFolder);
      if (swept > 0) log.info("removed shared memory of a gateway that crashed", { files: swept });
      this.#shrinkLater();
    }
  }

  async load(request: LoadRequest, signal: AbortSignal): Promise<Instance> {
    if (this.#closed) throw new BackendError("internal", "the workers are being closed");
    signal.throwIfAborted();
    const { backendKind } = request;
    const { clock, log } = this.#settings;
    const instance = new ManagedInstance({
      number: this.#nextNumber++,
      request,
      backend: this.#source(backendKind),
      slabFolder: this.#slabFolder,
      clock,
      log,
      onClose: (closed) => this.#remove(closed),
    });
    const loading = this.#loadOnce(instance).catch((cause: unknown) => {
      if (!(cause instanceof BackendError && cause.cause instanceof WorkerLost)) throw cause;
      // Killed from outside, or by another model in the same process: once more, on its own.
      signal.throwIfAborted();
      return this.#newSupervisor(workerOf(request), 0).load(instance);
    });
    try {
      await orAborted(loading, signal);
      return instance;
    } catch (cause) {
      // An aborted load goes on in the worker; its instance is closed as soon as it is there.
      void loading
        .catch(() => {})
        .then(() => instance.close())
        .catch(() => {});
      throw cause;
    }
  }

  async #loadOnce(instance: ManagedInstance): Promise<void> {
    await this.#supervisorFor(workerOf(instance.request)).load(instance);
  }

  devices(backendKind: string): Promise<readonly Device[]> {
    return this.#inquire("devices", backendKind);
  }

  sensors(backendKind: string): Promise<readonly DeviceSensors[]> {
    return this.#inquire("sensors", backendKind);
  }

  async #inquire<T>(what: "devices" | "sensors", backendKind: string): Promise<readonly T[]> {
    if (this.#closed) throw new BackendError("internal", "the workers are being closed");
    const asking = this.#ask<T>(what, backendKind);
    this.#inquiries.add(asking);
    try {
      return await asking;
    } catch (cause) {
      if (cause instanceof BackendError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new BackendError("device", `${what} of ${backendKind}: ${reason}`, { cause });
    } finally {
      this.#inquiries.delete(asking);
    }
  }

  async #ask<T>(type: "devices" | "sensors", backendKind: string): Promise<readonly T[]> {
    const worker = await WorkerProcess.start(this.#settings);
    try {
      const backend = this.#source(backendKind);
      return (await worker.ask({ type, backend })) as readonly T[];
    } finally {
      await worker.end();
    }
  }

  #source(backendKind: string): BackendSource {
    const configured = this.#options.backends?.find(({ kind }) => kind === backendKind);
    return configured ?? { kind: backendKind };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#inquiries);
    this.#stopShrinking();
    await Promise.all([...this.#supervisors].map((supervisor) => supervisor.close()));
    this.#supervisors.clear();
  }

  workers(): readonly WorkerView[] {
    return [...this.#supervisors].map(({ view }) => view);
  }

  #supervisorFor(device: string): Supervisor {
    const candidates = [...this.#supervisors].filter((one) => one.device === device);
    const limit =
      device === "cpu" ? (this.#options.maxCpuWorkers ?? 2 * availableParallelism()) : 1;
    const shared = candidates.length < limit ? undefined : chooseWorker(candidates);
    return shared ?? this.#newSupervisor(device, 0);
  }

  #newSupervisor(device: string, deaths: number): Supervisor {
    const isolate = (instance: ManagedInstance, deathsSoFar: number) => {
      if (!this.#closed) this.#newSupervisor(device, deathsSoFar).adopt(instance);
    };
    const supervisor = new Supervisor(device, { ...this.#settings, isolate }, deaths);
    this.#supervisors.add(supervisor);
    return supervisor;
  }

  async #remove(instance: ManagedInstance): Promise<void> {
    for (const supervisor of this.#supervisors) {
      if (!supervisor.remove(instance)) continue;
      this.#supervisors.delete(supervisor);
      await supervisor.close();
    }
  }

  #shrinkLater(): void {
    this.#stopShrinking = this.#settings.clock.after(SHRINK_PERIOD_MS, () => {
      for (const { instances } of this.#supervisors) {
        for (const instance of instances) instance.shrinkRooms();
      }
      this.#shrinkLater();
    });
  }
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", abort))
      .catch(() => {});
  });
}

const workerOf = ({ worker, device }: LoadRequest) => worker ?? device;
