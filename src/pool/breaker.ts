/**
 * What keeps batches from a device that fails: closed, it lets them through; open, the device gets
 * none; after a while it is probed with the model's first runs, and closes when they are well. No
 * client's request is ever the trial. opossum counts and times.
 */
import CircuitBreaker from "opossum";
import { BackendError } from "../../backends/contract.ts";
import type { Logger } from "../logger.ts";
import { WorkerLost } from "../workers/types.ts";

export interface BreakerSettings {
  /** Share of executions in the window, in percent, from which on it opens, */
  readonly errorPercent: number;
  /** but not before so many executions. */
  readonly leastExecutions: number;
  readonly windowMs: number;
  /** From opening, or from a probe that failed, to the next probe. */
  readonly probeAfterMs: number;
}

export const DEFAULT_BREAKER: BreakerSettings = {
  errorPercent: 50,
  leastExecutions: 2,
  windowMs: 10_000,
  probeAfterMs: 2_000,
};

export interface BreakerParts {
  /** For the log. */
  readonly device: string;
  /** Rejects while the device is unwell. */
  readonly probe: () => Promise<void>;
  readonly log: Logger;
  readonly settings?: BreakerSettings;
}

export class DeviceBreaker {
  /** Called when `closed` changes. */
  onChange: (() => void) | undefined;
  /** Times it opened. */
  opened = 0;
  readonly #circuit: CircuitBreaker<[() => Promise<unknown>], unknown>;

  constructor({ device, probe, log, settings = DEFAULT_BREAKER }: BreakerParts) {
    this.#circuit = new CircuitBreaker((work: () => Promise<unknown>) => work(), {
      name: device,
      timeout: false,
      errorThresholdPercentage: settings.errorPercent,
      volumeThreshold: settings.leastExecutions,
      rollingCountTimeout: settings.windowMs,
      resetTimeout: settings.probeAfterMs,
      errorFilter: (error) => !isOfDevice(error),
    });
    this.#circuit.on("open", () => {
      this.opened += 1;
      log.warn("a device failed too often and gets no batches until a probe of it succeeds", {
        device,
      });
      this.onChange?.();
    });
    this.#circuit.on("halfOpen", () => {
      // Its failure opens the circuit again, and that is all that is to be done.
      this.#circuit.fire(() => probe().catch(asFault)).catch(() => {});
    });
    this.#circuit.on("close", () => {
      log.info("a device is well again", { device });
      this.onChange?.();
    });
  }

  /** True: batches may be given. */
  get closed(): boolean {
    return this.#circuit.closed;
  }

  get state(): "closed" | "open" | "half-open" {
    if (this.#circuit.closed) return "closed";
    return this.#circuit.halfOpen ? "half-open" : "open";
  }

  /** Does the work, and remembers whether the device failed. Also while open: what was begun is ended. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#circuit.closed) return work();
    return (await this.#circuit.fire(work)) as T;
  }

  close(): void {
    this.onChange = undefined;
    this.#circuit.removeAllListeners();
    this.#circuit.shutdown();
  }
}

/** Whatever keeps a probe from ending well, the device does not serve. */
function asFault(cause: unknown): never {
  throw new BackendError("device", `the probe failed: ${cause}`, { cause });
}

/** A model's or a client's mistake says nothing about the device. */
function isOfDevice(error: unknown): boolean {
  if (error instanceof WorkerLost) return error.executing;
  return error instanceof BackendError && error.fault === "device";
}
