/** One device that holds one artifact at a time, and what it holds now. */
import type { Device } from "../../backends/contract.ts";
import type { DeviceView, TenantRows } from "../policy/placement/views.ts";
import type { Instance } from "../workers/types.ts";
import type { DeviceBreaker } from "./breaker.ts";
import type { Lane } from "./lane.ts";
import { type Lease, lends } from "./lease.ts";
import type { Pool } from "./pool.ts";

/** What is waiting for a variant, see `DemandView`. */
export interface Demand {
  readonly waitingRows: number;
  readonly waitingRequests: number;
  readonly oldestWaitMs: number;
  /** Rows that ever came. */
  readonly arrivedRows: number;
  /** What a row costs a device, ms; 0 while unknown. */
  readonly msPerRow: number;
  /** See `DemandView.benefit`. */
  readonly benefit: number;
  /** Whose rows wait; with 0 rows, who came since this was last asked. A tenant may be named several times. */
  readonly tenants: readonly TenantRows[];
}

/** A variant that wants devices. */
export interface BoardVariant {
  /** Unique in this process, also between two loads of one model. */
  readonly id: string;
  readonly model: string;
  readonly backend: string;
  readonly vendor: string;
  readonly platform: string;
  readonly memoryBytes?: number | undefined;
  readonly minInstances: number;
  readonly pinned: boolean;
  readonly pool: Pool;
  /** Programs the device, and runs the first runs there. */
  load(device: Device, signal: AbortSignal): Promise<Instance>;
  demand(): Demand;
}

export type BoardState = "ready" | "loading" | "draining" | "drained" | "failed";

/** What a board shows to people. */
export interface BoardReport {
  readonly device: Device;
  readonly backend: string;
  readonly state: BoardState;
  /** `model/version/variant` of what it holds, or is being loaded with. */
  readonly holds: string | undefined;
  readonly breaker: "closed" | "open" | "half-open";
  readonly switches: number;
  /** Mean of those measured; undefined: none yet. */
  readonly switchMs: number | undefined;
  /** Why the last load on it failed, where it did. */
  readonly trouble: string | undefined;
  readonly work: Work;
  readonly lease: Lease | undefined;
  /** Process that drives it; 0: none does just now. */
  readonly workerPid: number;
}

/** What a board has done, whatever it held. */
export interface Work {
  readonly executions: number;
  readonly rows: number;
  readonly busyUs: number;
}

/** Weight of the latest switch in the mean. */
const LATEST = 0.3;

export class Board {
  readonly device: Device;
  readonly backend: string;
  resident: BoardVariant | undefined;
  lane: Lane | undefined;
  breaker: DeviceBreaker | undefined;
  switches = 0;
  trouble: string | undefined;
  lease: Lease | undefined;
  /** When it was decided what it holds, monotonic ms. */
  givenMs: number | undefined;
  /** The operator wants it out of service. */
  drainWanted = false;
  /** Loads that were refused here, and until when they are not tried again, by variant. */
  readonly refusals = new Map<string, { readonly untilMs: number; readonly failures: number }>();
  /** Under what it held before. */
  #work: Work = { executions: 0, rows: 0, busyUs: 0 };
  #state: Exclude<BoardState, "failed"> = "ready";
  #sinceMs: number;
  #switchMs: number | undefined;

  constructor(device: Device, backend: string, nowMs: number) {
    this.device = device;
    this.backend = backend;
    this.#sinceMs = nowMs;
  }

  get state(): BoardState {
    const instance = this.lane?.instance;
    if (this.#state !== "ready" || instance === undefined || instance.ready) return this.#state;
    // Its worker died, and another one loads the same again.
    return instance.failure === undefined ? "loading" : "failed";
  }

  /** It is being given an artifact. */
  get switching(): boolean {
    return this.#state === "loading";
  }

  get switchMs(): number | undefined {
    return this.#switchMs;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  enter(state: Exclude<BoardState, "failed">, nowMs: number): void {
    this.#state = state;
    this.#sinceMs = nowMs;
  }

  get work(): Work {
    const { executions, rows, busyUs } = this.#work;
    const now = this.lane?.work ?? { executions: 0, rows: 0, busyUs: 0 };
    return {
      executions: executions + now.executions,
      rows: rows + now.rows,
      busyUs: busyUs + now.busyUs,
    };
  }

  /** Takes its lane off it. */
  emptied(): void {
    this.#work = this.work;
    this.lane = undefined;
  }

  switched(tookMs: number): void {
    this.switches += 1;
    this.#switchMs =
      this.#switchMs === undefined ? tookMs : this.#switchMs + LATEST * (tookMs - this.#switchMs);
  }

  fits({ backend, platform, vendor, model, memoryBytes = 0 }: BoardVariant): boolean {
    return (
      lends(this.lease, model) &&
      backend === this.backend &&
      vendor === this.device.vendor &&
      platform === this.device.platform &&
      memoryBytes <= (this.device.memoryBytes ?? Number.POSITIVE_INFINITY)
    );
  }

  get view(): DeviceView {
    const { id, vendor, platform, linkGroup, memoryBytes } = this.device;
    return {
      id,
      vendor,
      platform,
      backend: this.backend,
      state: this.state,
      sinceMs: this.#sinceMs,
      ...(this.givenMs === undefined ? {} : { givenMs: this.givenMs }),
      ...(linkGroup === undefined ? {} : { linkGroup }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(this.lease === undefined ? {} : { leasedTo: this.lease.to }),
      ...(this.resident === undefined ? {} : { resident: this.resident.id }),
      ...(this.#switchMs === undefined ? {} : { switchMs: this.#switchMs }),
    };
  }

  get report(): BoardReport {
    return {
      device: this.device,
      backend: this.backend,
      state: this.state,
      holds: this.resident?.id,
      breaker: this.breaker?.state ?? "closed",
      switches: this.switches,
      switchMs: this.#switchMs,
      trouble: this.trouble,
      work: this.work,
      lease: this.lease,
      workerPid: this.lane?.instance.workerPid ?? 0,
    };
  }
}
