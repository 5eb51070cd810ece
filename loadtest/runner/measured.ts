/** What one measurement brought, before anything is made of it. */
import type { Statistics } from "../drivers/control/control.ts";
import type { Window } from "../measure/stability.ts";
import type { GeneratorOver } from "./generator/order.ts";
import type { Merged } from "./merge.ts";

export interface MeasuredWindow extends Window {
  /** Share of the requests that were sent late. */
  readonly late: number;
}

export interface Measured {
  readonly look: Merged;
  /** Of the measurement, warm-up not included. */
  readonly seconds: number;
  readonly windows: readonly MeasuredWindow[];
  /** Closed loops only. */
  readonly stable?: boolean;
  /** What the server counted meanwhile; undefined: not told by the server. */
  readonly statistics: Statistics | undefined;
  readonly overs: readonly GeneratorOver[];
}

/** Seen while a measurement runs, for whoever watches. */
export interface Progress {
  readonly phase: "warm-up" | "measuring" | "draining";
  readonly label: string;
  readonly elapsedMs: number;
  /** Undefined: nobody knows how long it takes. */
  readonly totalMs: number | undefined;
  readonly look: Merged;
}

export interface Watch {
  /** Ask no server too often: once before and once after each window. */
  readonly statistics: () => Promise<Statistics | undefined>;
  readonly progress: (progress: Progress) => void;
  /** Ctrl-C: what was measured until then is kept. */
  readonly signal: AbortSignal;
}

export function windowOf(look: Merged, percentile?: number): MeasuredWindow {
  return {
    answeredPerSecond: (look.answered / Math.max(1, look.elapsedMs)) * 1000,
    latencyMs: percentile === undefined ? look.latency.meanMs : look.latency.quantileMs(percentile),
    late: look.sent === 0 ? 0 : look.late / look.sent,
  };
}

/** Waits, or until the signal says that it is enough. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
