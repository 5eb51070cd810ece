/** Arrivals that flags alone can say: even, at random, or from a file of intervals. */
import { readFileSync } from "node:fs";

export type Distribution = "constant" | "poisson";

/** @returns ns after the start, in order, all within the time */
export function arrivalsAt(
  perSecond: number,
  durationMs: number,
  distribution: Distribution,
  random: () => number,
): Float64Array {
  const endNs = durationMs * 1e6;
  const meanNs = 1e9 / perSecond;
  if (distribution === "constant") {
    const times = new Float64Array(Math.ceil(endNs / meanNs));
    for (let at = 0; at < times.length; at++) times[at] = Math.round(at * meanNs);
    return times;
  }
  const times: number[] = [];
  let now = 0;
  for (;;) {
    now -= meanNs * Math.log(1 - random());
    if (now >= endNs) return Float64Array.from(times, Math.round);
    times.push(now);
  }
}

/** perf_analyzer's file: µs between two requests, one a line; begun anew when it is over. */
export function readIntervals(file: string): number[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new Error(`--request-intervals ${file}: cannot be read`, { cause });
  }
  const intervals = text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(Number);
  const bad = intervals.findIndex((us) => !(us >= 0));
  if (bad >= 0) throw new Error(`--request-intervals ${file}: entry ${bad + 1} is no time in µs`);
  if (intervals.reduce((sum, us) => sum + us, 0) <= 0) {
    throw new Error(`--request-intervals ${file}: no intervals above 0`);
  }
  return intervals;
}

export function arrivalsBy(intervalsUs: readonly number[], durationMs: number): Float64Array {
  const endNs = durationMs * 1e6;
  const times: number[] = [];
  let now = 0;
  for (let at = 0; ; at = (at + 1) % intervalsUs.length) {
    now += (intervalsUs[at] ?? 0) * 1000;
    if (now >= endNs) return Float64Array.from(times);
    times.push(now);
  }
}
