/** A measurement as the result tells it, and whether it may be quoted. */

import type { Statistics } from "../drivers/control/control.ts";
import { readableError } from "../drivers/readable-error.ts";
import type { Latencies } from "../measure/latencies.ts";
import { quantilesOf, REPORTED_SHARES } from "../measure/quotable.ts";
import type { Point } from "../report/schema.ts";
import type { Measured } from "./measured.ts";

/** Beyond these the generator was part of what it measured. */
const MOST_LATE = 0.01;
const MOST_CPU = 0.9;

export interface PointContext {
  readonly label: string;
  readonly concurrency?: number;
  readonly budgetsMs: readonly number[];
  /** Further shares that are asked for. */
  readonly percentiles: readonly number[];
}

export function pointOf(measured: Measured, context: PointContext): Point {
  const { look, seconds, windows, stable, overs, statistics } = measured;
  const shares = [...new Set([...REPORTED_SHARES, ...context.percentiles])].sort((a, b) => a - b);
  const unanswered = overs.reduce((sum, { ending }) => sum + ending.unanswered, 0);
  const due = look.sent + look.dropped;
  const perSecond = (count: number) => (seconds > 0 ? count / seconds : 0);
  const point = {
    label: context.label,
    ...(context.concurrency === undefined ? {} : { concurrency: context.concurrency }),
    offeredPerSecond: perSecond(due),
    answeredPerSecond: perSecond(look.answered),
    rowsPerSecond: perSecond(look.rows),
    seconds,
    sent: look.sent,
    answered: look.answered,
    failures: [...look.failures]
      .map(([reason, count]) => ({ reason: readableError(reason), count }))
      .sort((a, b) => b.count - a.count),
    unanswered: {
      count: unanswered,
      oldestMs: Math.max(0, ...overs.map((o) => o.ending.oldestMs)),
    },
    dropped: look.dropped,
    latency: latencyOf(look.latency, shares),
    service: latencyOf(look.service, shares),
    budgets: context.budgetsMs.map((ms) => ({
      ms,
      inTime:
        due === 0 ? 0 : Math.min(1, (look.latency.shareWithin(ms) * look.latency.count) / due),
    })),
    ...(statistics === undefined ? {} : splitOf(statistics, look.service.meanMs)),
    ...(stable === undefined ? {} : { stable }),
    windows: windows.map((window) => ({ ...window, late: Math.min(1, window.late) })),
    generator: {
      processes: overs.length,
      lateShare: look.sent === 0 ? 0 : look.late / look.sent,
      heldShare: look.sent === 0 ? 0 : look.held / look.sent,
      lagP50Ms: look.lag.quantileMs(0.5),
      lagP99Ms: look.lag.quantileMs(0.99),
      lagMaxMs: look.lag.maxMs,
      cpuShare: look.cpuShare,
      reconnects: overs.reduce((sum, over) => sum + over.reconnects, 0),
      bytesOutPerSecond: perSecond(look.bytesOut),
      bytesInPerSecond: perSecond(look.bytesIn),
    },
  };
  return { ...point, invalid: invalidity(point) };
}

function invalidity({ generator, answered }: Omit<Point, "invalid">): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const reasons: string[] = [];
  if (generator.lateShare > MOST_LATE) {
    reasons.push(
      `${percent(generator.lateShare)} of the requests were sent late, more than ${percent(MOST_LATE)}: ` +
        "use more processes (--processes), --spin, or a lower rate",
    );
  }
  if (generator.cpuShare > MOST_CPU) {
    reasons.push(
      `a generator process used ${percent(generator.cpuShare)} of its core, more than ${percent(MOST_CPU)}: ` +
        "use more processes (--processes)",
    );
  }
  if (answered === 0) reasons.push("nothing was answered");
  return reasons;
}

export function latencyOf(latencies: Latencies, shares: readonly number[]): Point["latency"] {
  return {
    count: latencies.count,
    meanMs: latencies.meanMs,
    deviationMs: latencies.deviationMs,
    maxMs: latencies.maxMs,
    quantiles: quantilesOf(latencies, shares),
    histogram: latencies.encode(),
  };
}

/** Means per request that went well. What the server did not count was network, client and transport. */
function splitOf(statistics: Statistics, serviceMs: number): Pick<Point, "split"> | object {
  const { success, queue, computeInput, computeInfer, computeOutput } = statistics;
  if (success.count === 0) return {};
  const mean = ({ ms }: { readonly ms: number }) => ms / success.count;
  const parts = {
    queueMs: mean(queue),
    computeInputMs: mean(computeInput),
    computeInferMs: mean(computeInfer),
    computeOutputMs: mean(computeOutput),
  };
  const counted = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  return {
    split: {
      ...parts,
      serverOverheadMs: Math.max(0, mean(success) - counted),
      networkMs: Math.max(0, serviceMs - Math.max(mean(success), counted)),
      batchRows: [...statistics.batches]
        .map(([rows, executions]) => ({ rows, executions }))
        .sort((a, b) => a.rows - b.rows),
      executions: statistics.executions,
      inferences: statistics.inferences,
    },
  };
}
