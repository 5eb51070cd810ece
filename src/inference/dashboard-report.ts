/** What the dashboard shows: the state of the gateway at one moment, with rates since a moment before. */
import type { DeviceReport } from "./device-report.ts";
import type { ClusterReport } from "./gateway-report.ts";
import type { ReservationReport } from "./reservation-report.ts";
import type { TenantReport } from "./tenant-report.ts";

/** Of answered requests within the span of the rates; ms. Absent where none was answered. */
export interface Latency {
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly p999Ms?: number;
}

export interface ModelFigures extends Latency {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  /** Why it does not serve; may be empty. */
  readonly reason: string;
  readonly requestsPerSecond: number;
  readonly rowsPerSecond: number;
  readonly failuresPerSecond: number;
  /** Since the start. */
  readonly requests: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Requests that wait for a batch. */
  readonly waiting: number;
  /** Rows of a batch, mean; absent where none ran. */
  readonly batchRows?: number;
  /** Of a request, mean. */
  readonly queueMs?: number;
  readonly computeMs?: number;
}

export interface DeviceFigures extends DeviceReport {
  /** Part of the time that it executed, 0 to 1; absent where it is not measured. */
  readonly busy?: number;
  readonly rowsPerSecond?: number;
}

export interface TenantFigures extends TenantReport {
  readonly requestsPerSecond: number;
  /** Part of the device time that was used; absent where nobody used any. */
  readonly share?: number;
  /** Of what it used, the part that went beyond its guarantee, 0 to 1. */
  readonly borrowed?: number;
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
  /** Page of the runbook. */
  readonly page?: string;
}

export interface Snapshot {
  /** Grows by one with every snapshot of a process. */
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Of what the rates are means; absent in the first snapshot, whose rates are 0. */
  readonly seconds?: number;
  readonly version: string;
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
  readonly devices: readonly DeviceFigures[];
  /** Empty where none are configured. */
  readonly tenants: readonly TenantFigures[];
  /** Of the tenants' terms: names the state from which an edit is made. */
  readonly termsGeneration: number;
  readonly reservations: readonly ReservationReport[];
  readonly alerts: readonly Alert[];
}

// What it is made from --------------------------------------------------------

/** Of a model version, since the start. */
export interface ModelCounts {
  readonly name: string;
  readonly version: string;
  readonly requests: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly rows: number;
  readonly executions: number;
  readonly queueNs: number;
  readonly computeNs: number;
  readonly waiting: number;
}

/** Answered requests of a model and a tenant, by time. */
export interface LatencyCounts {
  readonly model: string;
  readonly version: string;
  readonly tenant: string;
  /** Upper bounds, s, ascending. */
  readonly bounds: readonly number[];
  /** One more than bounds. */
  readonly counts: readonly number[];
}

/** Device time of a tenant, since the start, µs. */
export interface TenantTime {
  readonly tenant: string;
  readonly usedUs: number;
  readonly borrowedUs: number;
}

export interface Sample {
  readonly atMs: number;
  readonly version: string;
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
  readonly latencies: readonly LatencyCounts[];
  readonly devices: readonly DeviceReport[];
  readonly tenants: readonly TenantReport[];
  readonly termsGeneration: number;
  readonly tenantTime: readonly TenantTime[];
  readonly waiting: readonly { readonly tenant: string; readonly rows: number }[];
  readonly reservations: readonly ReservationReport[];
}
