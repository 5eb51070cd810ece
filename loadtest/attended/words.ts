/** What is said between a gateway and a load test that it runs in a process of its own. */
import type { Flags } from "../runner/flags/flags.ts";

export type ToAttended =
  /** Once. Whatever is secret in it comes this way, and not by arguments, which everybody can read. */
  | { readonly kind: "run"; readonly preset: string; readonly flags: Flags }
  /** What was measured until now is reported. */
  | { readonly kind: "stop" };

/** Of one of the loads that run at the same time. */
export interface LoadLook {
  readonly label: string;
  readonly phase: "warm-up" | "measuring" | "draining";
  readonly elapsedMs: number;
  /** Absent: nobody knows how long it takes. */
  readonly totalMs?: number | undefined;
  readonly answeredPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly inFlight: number;
  readonly failed: number;
  /** Of the requests that were sent, 0 to 1. */
  readonly lateShare: number;
}

/** What came of it, in short. */
export interface Outcome {
  readonly valid: boolean;
  /** Objectives that were not reached, in words. */
  readonly missed: readonly string[];
  readonly answeredPerSecond: number;
  readonly p50Ms?: number | undefined;
  readonly p99Ms?: number | undefined;
  readonly failed: number;
  readonly emulated: boolean;
}

export type FromAttended =
  | { readonly kind: "look"; readonly look: LoadLook }
  | { readonly kind: "said"; readonly text: string }
  /** @see LoadtestExit; `outcome` is absent where nothing was measured */
  | { readonly kind: "over"; readonly code: number; readonly outcome?: Outcome | undefined };
