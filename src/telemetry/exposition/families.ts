/** One family of metrics as lines of text: its head, its samples, its histograms. */
import type { Buckets } from "../buckets.ts";
import type { Format } from "./format.ts";
import { escaped, inOnePiece, type Labels, labelText, numberText } from "./label-text.ts";

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A metric whose values are read when somebody asks for them. */
export interface ReadMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels: readonly string[];
  /** Labels that stay the same object from one reading to the next are written once. */
  read(): Iterable<Sample>;
}

/** One request of those that a bucket has counted, by its trace. */
export interface Exemplar {
  readonly traceId: string;
  readonly value: number;
  /** ms since 1970. */
  readonly wallMs: number;
}

export interface HistogramSeries {
  /** The same object from one reading to the next. */
  readonly labels: Labels;
  readonly buckets: Buckets;
  /** By index of the bucket; absent: none. */
  readonly exemplars?: readonly (Exemplar | undefined)[] | undefined;
}

export interface ReadHistogram {
  readonly name: string;
  readonly help: string;
  readonly type: "histogram";
  series(): Iterable<HistogramSeries>;
}

const TOTAL = "_total";

/**
 * `# HELP` and `# TYPE`. In OpenMetrics the samples of a counter end in `_total` and its family does not;
 * one whose name is Triton's keeps it, as a metric of unknown type.
 */
export function headOf(
  { name, help, type }: { readonly name: string; readonly help: string; readonly type: string },
  format: Format,
): string {
  let family = name;
  let kind = type;
  if (format === "openmetrics" && type === "counter") {
    if (name.endsWith(TOTAL)) family = name.slice(0, -TOTAL.length);
    else kind = "unknown";
  }
  const said = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${family} ${said}\n# TYPE ${family} ${kind}\n`;
}

export function sampleLine(name: string, { labels, value }: Sample): string {
  const text = labelText(labels);
  return text === "" ? `${name} ${numberText(value)}\n` : `${name}{${text}} ${numberText(value)}\n`;
}

interface Written {
  readonly count: number;
  /** undefined: it was read once with this count, and may move on. */
  readonly text: string | undefined;
}

/** Of series that stand still; those with exemplars are written anew. */
const written = new WeakMap<Buckets, Written>();

export function histogramLines(name: string, series: HistogramSeries, format: Format): string {
  const { buckets } = series;
  const exemplars = format === "openmetrics" ? series.exemplars : undefined;
  const before = exemplars === undefined ? written.get(buckets) : undefined;
  const still = before?.count === buckets.count;
  if (still && before.text !== undefined) return before.text;
  const labels = labelText(series.labels);
  const start = `${name}_bucket{${labels}${labels === "" ? "" : ","}le="`;
  let text = "";
  let count = 0;
  for (let at = 0; at <= buckets.bounds.length; at += 1) {
    count += buckets.at(at);
    text += `${start}${buckets.bounds[at] ?? "+Inf"}"} ${count}${exemplarText(exemplars?.[at])}\n`;
  }
  const braced = labels === "" ? "" : `{${labels}}`;
  text += `${name}_sum${braced} ${buckets.sum}\n${name}_count${braced} ${count}\n`;
  if (exemplars === undefined) {
    written.set(buckets, { count, text: still ? inOnePiece(text) : undefined });
  }
  return text;
}

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return "";
  const { traceId, value, wallMs } = exemplar;
  return ` # {trace_id="${escaped(traceId)}"} ${value} ${wallMs / 1000}`;
}
