/** A device as people see it: by HTTP, on the command line, in metrics. */

import type { DeviceReservation } from "./reservation-report.ts";

export interface DeviceReport {
  readonly id: string;
  /** Kind of the backend that drives it. */
  readonly backend: string;
  readonly vendor: string;
  /** In the vendor's own name; matches that of artifacts. */
  readonly platform: string;
  /** `present`: nobody manages it, it was only found. */
  readonly state: "present" | "ready" | "loading" | "draining" | "drained" | "failed";
  /** True where software stands in for the silicon. */
  readonly emulated: boolean;
  /** What it holds or runs: `model/version/variant`, several with commas; null: nothing. */
  readonly model: string | null;
  /** Of a device whose failures are counted: `open` gets no requests. */
  readonly breaker?: "closed" | "open" | "half-open";
  readonly description?: string;
  readonly location?: string;
  readonly linkGroup?: string;
  readonly memoryBytes?: number;
  /** Times it was given another artifact, and what that takes, mean ms. */
  readonly switches?: number;
  readonly switchMs?: number;
  /** What it has done since the gateway started. */
  readonly executions?: number;
  readonly rows?: number;
  readonly busySeconds?: number;
  /** Process that drives it; 0: none does just now. */
  readonly workerPid?: number;
  /** The experiment that has it for itself, its models, and for how long still. */
  readonly leasedTo?: string;
  readonly leasedModels?: readonly string[];
  readonly leasedSeconds?: number;
  /** Who will have it or has it by the calendar. */
  readonly reserved?: DeviceReservation;
  /** Where they are measured; absent: unavailable. */
  readonly temperatureC?: number;
  readonly powerW?: number;
  /** What it may draw. */
  readonly powerLimitW?: number;
  /** 0 to 1. */
  readonly utilisation?: number;
  readonly memoryUsedBytes?: number;
  /** Where these come from, for people. */
  readonly sensors?: string;
  /** Why the last load on it failed. */
  readonly trouble?: string;
}

export interface LeaseRequest {
  readonly to: string;
  /** Names; `*` stands for any characters. */
  readonly models: readonly string[];
  readonly seconds: number;
}

/** Who tells of devices, and takes them out of service. */
export interface DeviceControl {
  list(): Promise<readonly DeviceReport[]>;
  /** Resolves when nothing runs on it any more. @throws StatusError NOT_FOUND, or where it can't be drained */
  drain(id: string): Promise<void>;
  /** @throws StatusError */
  undrain(id: string): Promise<void>;
  /** Gives it to one experiment. Resolves when nothing of others runs on it. @throws StatusError */
  lease(id: string, wanted: LeaseRequest): Promise<void>;
  /** @throws StatusError */
  release(id: string): Promise<void>;
}
