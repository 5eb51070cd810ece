/**
 * perf_analyzer's `--request-intervals`: a text file with µs between requests, one
 * a line, begun anew when it is over. 100000, 200000, 500000 are requests at 0.1,
 * 0.3, 0.8, 0.9, 1.1, 1.6 s and so on (docs/inference_load_modes.md).
 */
import { readFileSync } from "node:fs";
import { StatusError } from "../../src/errors.ts";
import type { Arrivals, Intended } from "../types.ts";

export function intervalArrivals(file: string): Arrivals {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new StatusError("NOT_FOUND", `intervals ${file}: cannot be read`, { cause });
  }
  return repeatedIntervals(parseIntervals(text, file), file);
}

/** @returns µs. @param file for messages */
export function parseIntervals(text: string, file: string): number[] {
  const intervals: number[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const us = Number(line);
    if (!Number.isFinite(us) || us < 0) {
      throw new StatusError(
        "INVALID_ARGUMENT",
        `${file}:${at + 1}: '${line.trim()}' is no time in µs`,
      );
    }
    intervals.push(us);
  }
  if (!intervals.some((us) => us > 0)) {
    throw new StatusError("INVALID_ARGUMENT", `${file}: no interval above 0 µs`);
  }
  return intervals;
}

function repeatedIntervals(intervalsUs: readonly number[], file: string): Arrivals {
  return {
    describe: `${intervalsUs.length} intervals of ${file}, over and over`,
    scale: "the intervals as they are written",
    *[Symbol.iterator](): Iterator<Intended> {
      for (let us = 0; ; ) {
        for (const interval of intervalsUs) {
          us += interval;
          yield { atMs: us / 1000, events: 1 };
        }
      }
    },
  };
}
