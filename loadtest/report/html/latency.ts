/** How long answers took: the distribution to its far tail, and what a budget makes of it. */
import { Latencies } from "../../measure/latencies.ts";
import { milliseconds, percent, percentileName, whole } from "../format.ts";
import type { Point } from "../schema.ts";
import { html } from "./markup.ts";
import { bar, type Chart, chartBox, type Section, table } from "./section.ts";

/** Points of the curve for every power of ten of what is left over. */
const POINTS_PER_NINE = 30;
const LEAST_LEFT = 1e-5;

export function latencySection(point: Point): Section {
  const chart = curve(point);
  const unquotable = point.latency.quantiles.filter(({ quotable }) => !quotable);
  const [first] = unquotable;
  const warning =
    first !== undefined &&
    html`<p class="caption"><span class="word warn">few samples</span> ${percentileName(first.share)} needs ${whole(first.needed)} answers and there were ${whole(point.latency.count)}: from there on the curve is one run's luck, and no figure to quote.</p>`;
  const quantiles = point.latency.quantiles.map(({ share, ms, quotable, needed }) => [
    percentileName(share),
    quotable ? milliseconds(ms) : html`<span class="word warn">${milliseconds(ms)}</span>`,
    whole(needed),
  ]);
  return {
    id: "latency",
    title: "Latency",
    charts: { "chart-latency": chart },
    body: html`<h2>Latency</h2>
<p class="lead">Counted from the time a request was meant to go, so that a stalled server shows. Read: at the height of 99.9&nbsp;%, one answer in a thousand took longer. Point at a chart, or focus it and use the arrow keys, to read values.</p>
<div class="cards">
<div class="card two-thirds"><h3>Share of answers within a time</h3>
${chartBox("chart-latency", `Latency from the intended time: half of the answers within ${milliseconds(quantile(point, 0.5))}, 99 % within ${milliseconds(quantile(point, 0.99))}.`, chart)}
${warning}</div>
<div class="card third">${table(
      "Percentiles",
      ["", "within", "answers needed"],
      [
        ["mean", milliseconds(point.latency.meanMs), ""],
        ...quantiles,
        ["longest", milliseconds(point.latency.maxMs), ""],
      ],
    )}</div>
${
  point.budgets.length > 0 &&
  html`<div class="card">${table(
    "In time",
    ["budget", "requests in time", ""],
    point.budgets.map(({ ms, inTime }) => [milliseconds(ms), percent(inTime), bar(inTime)]),
  )}<p class="caption">Of every request that fell due: failed, unanswered and dropped ones are late.</p></div>`
}
</div>`,
  };
}

function quantile(point: Point, share: number): number {
  return Latencies.decode(point.latency.histogram).quantileMs(share);
}

/** Both clocks on one axis of time; y is what is left over. */
function curve(point: Point): Chart {
  const intended = leftOver(point.latency.histogram);
  const service = leftOver(point.service.histogram);
  const times = [...new Set([...intended.keys(), ...service.keys()])].sort((a, b) => a - b);
  const column = (values: ReadonlyMap<number, number>) => times.map((ms) => values.get(ms) ?? null);
  const quotable = point.latency.quantiles.filter((one) => one.quotable).at(-1);
  const first = times[0] ?? 1;
  const last = times.at(-1) ?? 1;
  return {
    kind: "lines",
    x: { label: "latency, ms", format: "number", log: true, short: last / first < 100 },
    y: { label: "", format: "within", log: true, min: LEAST_LEFT, max: 1 },
    series: [
      { name: "from the intended time", colour: "s1" },
      { name: "from the real start", colour: "s6", dashed: true },
    ],
    data: [times, column(intended), column(service)],
    marks: [
      ...(quotable === undefined
        ? []
        : [
            {
              y: 1 - quotable.share,
              text: "few samples below",
              colour: "faint" as const,
            },
          ]),
      ...point.budgets
        .filter(({ ms }) => ms >= first && ms <= last)
        .slice(0, 3)
        .map(({ ms }, row) => ({
          x: ms,
          text: `budget ${milliseconds(ms)}`,
          colour: "s2" as const,
          low: true,
          row,
        })),
    ],
  };
}

/** Share of answers that took longer, by time. */
function leftOver(encoded: string): ReadonlyMap<number, number> {
  const latencies = Latencies.decode(encoded);
  const left = new Map<number, number>();
  if (latencies.count === 0) return left;
  const least = Math.max(LEAST_LEFT, 1 / latencies.count);
  const steps = Math.ceil(-Math.log10(least) * POINTS_PER_NINE);
  for (let step = 0; step <= steps; step++) {
    const share = 10 ** (-step / POINTS_PER_NINE);
    const ms = latencies.quantileMs(1 - share);
    if (ms > 0) left.set(ms, share);
  }
  return left;
}
