/**
 * What a run has to reach, as one writes it down: `p99 <= 5 ms`, `failed <= 0.1 %`,
 * `within 12.5 ms >= 99.9 %`, `rate >= 1000`, `dead time <= 3 %`, `flipped <= 0`. Where several streams
 * share the server each of them has to (their rates are added), or the one that is named: `jets: p99 <= 5 ms`.
 */

import { Latencies } from "../measure/latencies.ts";
import { milliseconds, percent, perSecond, whole } from "./format.ts";
import type { Point, Result } from "./schema.ts";

export interface Objective {
  readonly text: string;
  /** Name of the stream that it is about; absent: every one. */
  readonly stream?: string;
  readonly metric: Metric;
  readonly atMost: boolean;
  readonly limit: number;
}

type Metric =
  | { readonly kind: "percentile"; readonly share: number }
  | { readonly kind: "within"; readonly ms: number }
  | { readonly kind: "mean" | "rate" | "failed" | "dead time" | "output" | "flipped" | "capacity" };

const FORM =
  /^(?:([^\s:]+):\s+)?(p\d+(?:\.\d+)?|within\s+[\d.]+\s*(?:us|µs|ms|s)|mean|rate|failed|dead[ -]time|output|flipped|capacity)\s*(<=|>=|<|>|≤|≥)\s*([\d.]+)\s*(us|µs|ms|s|%|Hz|kHz|MHz)?$/;
const FORMS =
  "expected METRIC <= VALUE or >=, after STREAM: where it is about one, METRIC one of p50 ... p99.999, mean, within TIME, rate, failed, dead time, output, flipped, capacity";

const UNITS: Readonly<Record<string, number>> = {
  ...{ us: 1e-3, µs: 1e-3, ms: 1, s: 1e3 },
  "%": 1e-2,
  ...{ Hz: 1, kHz: 1e3, MHz: 1e6 },
};

/** @throws Error with the forms that there are */
export function parseObjective(text: string): Objective {
  const [, stream, name = "", sign = "", number = "", unit] = FORM.exec(text.trim()) ?? [];
  const value = Number(number);
  if (name === "" || !Number.isFinite(value)) throw new Error(`objective '${text}': ${FORMS}`);
  return {
    text: text.trim(),
    ...(stream === undefined ? {} : { stream }),
    metric: metricOf(name),
    atMost: "<≤".includes(sign.charAt(0)),
    limit: value * (unit === undefined ? 1 : (UNITS[unit] ?? 1)),
  };
}

function metricOf(name: string): Metric {
  if (name.startsWith("p")) return { kind: "percentile", share: Number(name.slice(1)) / 100 };
  const [, number = "", unit = "ms"] = /^within\s+([\d.]+)\s*(\D+)$/.exec(name) ?? [];
  if (number !== "") return { kind: "within", ms: Number(number) * (UNITS[unit] ?? 1) };
  return { kind: name.replace("-", " ") as "mean" };
}

/** @returns undefined where the run has no such figure */
export function figureFor(objective: Objective, result: Result): number | undefined {
  const { metric, atMost } = objective;
  const points = pointsOf(objective, result);
  if (points.length === 0) return undefined;
  const worst = (of: (point: Point) => number) =>
    points.map(of).reduce((a, b) => (a > b === atMost ? a : b));
  switch (metric.kind) {
    case "percentile":
      return worst(({ latency }) => Latencies.decode(latency.histogram).quantileMs(metric.share));
    case "within":
      return worst(({ latency, sent, dropped }) => {
        const inTime = Latencies.decode(latency.histogram).shareWithin(metric.ms);
        return (inTime * latency.count) / Math.max(1, sent + dropped);
      });
    case "mean":
      return worst(({ latency }) => latency.meanMs);
    case "rate":
      return points.reduce((sum, { answeredPerSecond }) => sum + answeredPerSecond, 0);
    case "failed":
      return worst(lostShare);
    case "dead time":
      return result.trigger?.deadShare;
    case "output":
      return result.trigger?.outputPerSecond;
    case "flipped":
      return result.agreement?.decisionsFlipped;
    case "capacity":
      return result.capacity?.rate.perSecond;
  }
}

/** Loads that followed each other are judged by the main one; streams that ran together by each. */
function pointsOf({ stream }: Objective, { points, main, fairness }: Result): readonly Point[] {
  if (stream !== undefined) return points.filter(({ label }) => label.startsWith(`${stream}: `));
  if (fairness !== undefined) return points;
  const point = points[main];
  return point === undefined ? [] : [point];
}

/** Share of the requests that got no good answer. */
export function lostShare(point: Point): number {
  const failed = point.failures.reduce((sum, { count }) => sum + count, 0);
  const asked = point.sent + point.dropped;
  return asked === 0 ? 0 : (failed + point.unanswered.count + point.dropped) / asked;
}

/** A figure that the run does not have misses its objective. */
export function judge(objectives: readonly Objective[], result: Result): Result["objectives"] {
  return objectives.map((objective) => {
    const value = figureFor(objective, result);
    const { text, atMost, limit } = objective;
    if (value === undefined)
      return { text, value: 0, found: "not measured in this run", met: false };
    return {
      text,
      value,
      found: wordsFor(objective, value),
      met: atMost ? value <= limit : value >= limit,
    };
  });
}

function wordsFor({ metric }: Objective, value: number): string {
  switch (metric.kind) {
    case "percentile":
    case "mean":
      return milliseconds(value);
    case "within":
    case "failed":
    case "dead time":
      return percent(value);
    case "rate":
    case "output":
    case "capacity":
      return perSecond(value);
    case "flipped":
      return whole(value);
  }
}
