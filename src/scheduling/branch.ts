/** One variant of a model in service: its scheduler, and what the router sees of it. */

import type { VariantView } from "../policy/routing/variant-view.ts";
import type { Pool } from "../pool/pool.ts";
import type { Scheduler } from "./scheduler.ts";

/** What a worker takes to come back after its death, about. */
const RESPAWN_MS = 1_000;

export interface BranchParts {
  readonly name: string;
  readonly vendor: string;
  readonly platform: string;
  readonly numericClass: string;
  readonly backend: string;
  readonly digest?: string;
  readonly scheduler: Scheduler;
  readonly pool: Pool;
  /** ms until a device is expected to hold it; undefined: none will. */
  readyInMs?(): number | undefined;
  /** Why no device holds it, where that is known. */
  trouble?(): string | undefined;
  /** Gives the devices back, after the scheduler is closed. */
  released?(): Promise<void>;
}

export class Branch implements VariantView {
  readonly name: string;
  readonly vendor: string;
  readonly platform: string;
  readonly numericClass: string;
  readonly backend: string;
  readonly digest: string | undefined;
  readonly scheduler: Scheduler;
  readonly #parts: BranchParts;

  constructor(parts: BranchParts) {
    this.name = parts.name;
    this.vendor = parts.vendor;
    this.platform = parts.platform;
    this.numericClass = parts.numericClass;
    this.backend = parts.backend;
    this.digest = parts.digest;
    this.scheduler = parts.scheduler;
    this.#parts = parts;
  }

  get ready(): boolean {
    return this.#parts.pool.available;
  }

  get allowed(): boolean {
    return this.#parts.pool.allowed;
  }

  get readyInMs(): number | undefined {
    const { lanes } = this.#parts.pool;
    const respawning = lanes.some(
      ({ instance, allowed }) => allowed && !instance.ready && instance.failure === undefined,
    );
    return respawning ? RESPAWN_MS : this.#parts.readyInMs?.();
  }

  get fixedMs(): number {
    return this.scheduler.cost.fixedUs / 1000;
  }

  get msPerRow(): number {
    return this.scheduler.cost.usPerRow / 1000;
  }

  get queuedRows(): number {
    return this.scheduler.queuedRows;
  }

  get inFlightRows(): number {
    return this.scheduler.runningRows;
  }

  get instances(): number {
    return this.#parts.pool.lanes.length;
  }

  /** Why it serves nothing, and will not in a moment either. */
  get trouble(): string | undefined {
    if (this.ready || this.readyInMs !== undefined) return undefined;
    if (!this.allowed) return "its devices failed and are being probed";
    if (this.instances > 0) return this.scheduler.trouble;
    return this.#parts.trouble?.() || "no device holds it";
  }

  async close(): Promise<void> {
    await this.scheduler.close();
    await this.#parts.released?.();
  }
}
