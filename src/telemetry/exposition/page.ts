/** The page that a scraper reads, in pieces: between two of them requests pass. */
import { setImmediate } from "node:timers/promises";
import type { Metric } from "prom-client";
import {
  headOf,
  histogramLines,
  type ReadHistogram,
  type ReadMetric,
  sampleLine,
} from "./families.ts";
import type { Format } from "./format.ts";

/** Of one piece, characters: about 500 lines, less than half a millisecond's work. */
const PIECE = 64 * 1024;

export interface PageParts {
  readonly metrics: readonly (ReadMetric | ReadHistogram)[];
  /** Those that prom-client keeps. */
  readonly kept: readonly Metric[];
}

/**
 * @param pause resolves when others have had their turn; default: those that the event loop has waiting
 * @throws what reading a metric throws
 */
export async function* page(
  { metrics, kept }: PageParts,
  format: Format,
  pause: () => Promise<unknown> = setImmediate,
): AsyncGenerator<string, void> {
  let piece = "";
  for (const metric of metrics) {
    piece += headOf(metric, format);
    for (const lines of linesOf(metric, format)) {
      piece += lines;
      if (piece.length < PIECE) continue;
      yield piece;
      piece = "";
      await pause();
    }
  }
  for (const metric of kept) {
    piece += await keptLines(metric, format);
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
    await pause();
  }
  yield format === "openmetrics" ? `${piece}# EOF\n` : piece;
}

function* linesOf(metric: ReadMetric | ReadHistogram, format: Format): Generator<string> {
  const { name } = metric;
  if (metric.type === "histogram") {
    for (const series of metric.series()) yield histogramLines(name, series, format);
  } else for (const sample of metric.read()) yield sampleLine(name, sample);
}

/** What prom-client's types do not mention: a histogram's samples have names of their own. */
type KeptSample = {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
};

async function keptLines(metric: Metric, format: Format): Promise<string> {
  const { name, help, type, values } = await metric.get();
  let text = headOf({ name, help, type: String(type) }, format);
  for (const { metricName = name, labels, value } of values as readonly KeptSample[]) {
    const named = Object.entries(labels).filter(([, label]) => label !== undefined);
    const written = Object.fromEntries(named.map(([key, label]) => [key, String(label)]));
    text += sampleLine(metricName, { labels: written, value });
  }
  return text;
}
