/** Load tests that a gateway runs against itself, as people see them. */
import type { MayUse } from "./caller.ts";

export interface LoadtestPreset {
  readonly name: string;
  readonly title: string;
  /** Measured, unless somebody says otherwise. */
  readonly seconds: number;
  readonly models: readonly string[];
}

/** Of one of the loads that run at the same time. */
export interface LoadtestLook {
  readonly label: string;
  readonly phase: "warm-up" | "measuring" | "draining";
  readonly elapsedMs: number;
  readonly totalMs?: number | undefined;
  readonly answeredPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly inFlight: number;
  readonly failed: number;
  /** 0 to 1. */
  readonly lateShare: number;
}

export interface LoadtestRun {
  readonly id: string;
  readonly preset: string;
  readonly title: string;
  /** Who started it. */
  readonly who: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Measured, as it was ordered. */
  readonly seconds: number;
  readonly models: readonly string[];
}

export interface RunningLoadtest extends LoadtestRun {
  readonly stopping: boolean;
  readonly looks: readonly LoadtestLook[];
  /** The newest lines that it said. */
  readonly said: readonly string[];
}

export interface FinishedLoadtest extends LoadtestRun {
  readonly finishedAt: string;
  /** ok; objectives missed; invalid (the generator was late); failed: `why` says it. */
  readonly verdict: "ok" | "missed" | "invalid" | "failed";
  readonly why?: string;
  /** Who stopped it before its time. */
  readonly stoppedBy?: string;
  readonly answeredPerSecond?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly failed?: number;
  readonly emulated?: boolean;
  /** Of everything that is kept of it; 0: no report. */
  readonly bytes: number;
}

export interface LoadtestOverview {
  /** Why none can be started here; absent: one can. */
  readonly off?: string;
  readonly presets: readonly LoadtestPreset[];
  readonly running?: RunningLoadtest;
  /** Newest first. */
  readonly finished: readonly FinishedLoadtest[];
}

export interface LoadtestOrder {
  readonly preset: string;
  /** Absent: as the preset says. */
  readonly seconds?: number | undefined;
  /** `name:value`, sent with every request: as whom the load asks. */
  readonly headers: readonly string[];
}

export interface LoadtestControl {
  /** Of the runs those whose models may all be used. */
  overview(mayUse: MayUse): Promise<LoadtestOverview>;
  /** @throws StatusError NOT_FOUND: no such preset; ABORTED: one runs; FAILED_PRECONDITION: none may */
  start(order: LoadtestOrder, who: string): Promise<LoadtestRun>;
  /** What it measured until now is reported. @throws StatusError NOT_FOUND: it does not run */
  stop(id: string, who: string): Promise<void>;
  /** @returns the file; undefined: there is none, or not for whoever asks */
  file(id: string, name: "report.html" | "result.json", mayUse: MayUse): string | undefined;
}
