/** What the dashboard shows: the state of the gateway at one moment, with rates since a moment before. */
import type { DeviceReport } from "./device-report.ts";
import type { ClusterReport } from "./gateway-report.ts";
import type { DeviceRates, ModelRates, ModelWork } from "./rates.ts";
import type { ReservationReport } from "./reservation-report.ts";
import type { TenantReport } from "./tenant-report.ts";

/** Of answered requests within the span of the rates; ms. Absent where none was answered. */
export interface Latency {
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly p999Ms?: number;
}

export interface ModelFigures extends Latency, ModelRates {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  /** Why it does not serve; may be empty. */
  readonly reason: string;
  /** Since the start. */
  readonly requests: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Of the failures: whose clients gave them up. */
  readonly cancelledPerSecond: number;
  /** Requests that wait for a batch. */
  readonly waiting: number;
  /** Executions by rows of their batch, those of the span; absent where none ran. */
  readonly batches?: readonly BatchShare[];
  /** Answered requests by the device that computed them. */
  readonly devices: readonly ModelOnDevice[];
}

export interface BatchShare {
  /** Most rows; those with fewer than half as many are counted before. */
  readonly upToRows: number;
  /** Part of the executions, 0 to 1. */
  readonly share: number;
}

export interface ModelOnDevice extends Latency {
  readonly device: string;
  readonly requests: number;
  readonly requestsPerSecond: number;
}

/** One artifact of a model version, in this gateway. */
export interface VariantFigures {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly vendor: string;
  readonly platform: string;
  readonly numericClass: string;
  /** Absent where nobody hashed it. */
  readonly digest?: string;
  /** Software stands in for one of its devices. */
  readonly emulated: boolean;
  /** That have an instance of it now. */
  readonly devices: readonly string[];
  readonly instances: number;
  /** Answered by its devices; absent: not all of them are counted by device. */
  readonly requestsPerSecond?: number;
  /** Why no device here serves it; absent: one does, or will when it is its turn. */
  readonly absent?: string;
}

/** An artifact that computed live requests once more, since the start. */
export interface DriftFigures {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  /** Compared, and of these outside the class. */
  readonly rows: number;
  readonly failingRows: number;
  readonly decisionFlips: number;
  readonly droppedRows: number;
  readonly failedRows: number;
  readonly demotions: number;
  /** By unit: no error was larger; absent: larger than the largest bound. */
  readonly errors: readonly { readonly unit: string; readonly atMost?: number }[];
}

/** A process that drives devices. */
export interface WorkerFigures {
  /** `cpu`, or a device. */
  readonly device: string;
  /** 0: none just now. */
  readonly pid: number;
  readonly state: "starting" | "ready" | "dead";
  readonly instances: readonly string[];
  readonly inFlight: number;
  readonly respawns: number;
  readonly lastDeath?: { readonly reason: string; readonly secondsAgo: number };
}

export interface DeviceFigures extends DeviceReport, DeviceRates {}

export interface TenantFigures extends TenantReport {
  /** Absent: not all requests are counted by tenant. */
  readonly requestsPerSecond?: number;
  /** Part of the device time that was used; absent where nobody used any. */
  readonly share?: number;
  /** Of what it used, the part that went beyond its guarantee, 0 to 1. */
  readonly borrowed?: number;
  /** Requests that a quota of its refused; absent: nobody counts them. */
  readonly throttledPerSecond?: number;
  /** Rows that wait. */
  readonly waiting: number;
}

export interface Alert {
  readonly level: "warn" | "bad";
  /** What it is about, e.g. a device's name. */
  readonly what: string;
  /** That it is about; absent: it is about something else. */
  readonly model?: string;
  readonly text: string;
  /** Of the runbook. */
  readonly page: string;
}

export interface Snapshot {
  /** Grows by one with every snapshot of a process. */
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Of what the rates are means; absent in the first snapshot, whose rates are 0. */
  readonly seconds?: number;
  readonly version: string;
  /** Where the devices stand; absent: nobody said so. */
  readonly site?: string;
  /** False: everybody may do everything. */
  readonly authenticated: boolean;
  readonly ready: boolean;
  readonly cluster: ClusterReport;
  readonly total: Latency & {
    readonly requestsPerSecond: number;
    readonly rowsPerSecond: number;
    readonly failuresPerSecond: number;
    readonly waiting: number;
  };
  readonly models: readonly ModelFigures[];
  /** Of models that serve here. */
  readonly variants: readonly VariantFigures[];
  readonly drift: readonly DriftFigures[];
  /** Of the registry of models: grows with every change; absent: there is none. */
  readonly registryGeneration?: number;
  readonly devices: readonly DeviceFigures[];
  readonly workers: readonly WorkerFigures[];
  /** Empty where none are configured. */
  readonly tenants: readonly TenantFigures[];
  /** Of the tenants' terms: names the state from which an edit is made. */
  readonly termsGeneration: number;
  readonly reservations: readonly ReservationReport[];
  readonly alerts: readonly Alert[];
}

/** What charts show of a snapshot. */
export type SnapshotPoint = Pick<Snapshot, "at" | "seconds" | "total">;

// What it is made from --------------------------------------------------------

/** Of a model version, since the start. */
export interface ModelCounts extends ModelWork {
  readonly name: string;
  readonly version: string;
  readonly failures: Readonly<Record<string, number>>;
  readonly waiting: number;
  /** Executions by rows of their batch. */
  readonly batches: readonly (readonly [rows: number, executions: number])[];
}

/** Answered requests of a model, a tenant and a device, by time. */
export interface LatencyCounts {
  readonly model: string;
  readonly version: string;
  readonly tenant: string;
  readonly device: string;
  /** Upper bounds, s, ascending. */
  readonly bounds: readonly number[];
  /** One more than bounds. */
  readonly counts: readonly number[];
  /**
   * Of tenants and devices that are not told of one by one, because there are too many; with `model` empty, of
   * models that are not, either.
   */
  readonly isRest?: true;
}

/** Device time of a tenant, since the start, µs. */
export interface TenantTime {
  readonly tenant: string;
  readonly usedUs: number;
  readonly borrowedUs: number;
}

export interface Sample {
  /** ms since 1970: people set that clock. */
  readonly atMs: number;
  /** Monotonic ms. */
  readonly clockMs: number;
  readonly version: string;
  /** May be empty. */
  readonly site?: string;
  readonly authenticated: boolean;
  readonly ready: boolean;
  readonly cluster: ClusterReport;
  readonly index: readonly {
    readonly name: string;
    readonly version: string;
    readonly state: string;
    readonly reason: string;
  }[];
  readonly models: readonly ModelCounts[];
  /** Absent: nobody counts them. */
  readonly latencies?: readonly LatencyCounts[] | undefined;
  readonly variants: readonly Omit<VariantFigures, "requestsPerSecond">[];
  readonly drift: readonly DriftFigures[];
  readonly registryGeneration?: number | undefined;
  readonly devices: readonly DeviceReport[];
  readonly workers: readonly WorkerFigures[];
  readonly tenants: readonly TenantReport[];
  readonly termsGeneration: number;
  readonly tenantTime: readonly TenantTime[];
  /** Requests that quotas refused since the start, by tenant; absent: nobody counts them. */
  readonly throttled?: ReadonlyMap<string, number> | undefined;
  readonly waiting: readonly { readonly tenant: string; readonly rows: number }[];
  readonly reservations: readonly ReservationReport[];
}
