/** Several loads in one run: throughput and latency over concurrency or rate, and the capacity found. */
import { bytes, milliseconds, number, percent, percentileName, perSecond } from "../format.ts";
import type { Capacity, Point, Result } from "../schema.ts";
import { type Html, html } from "./markup.ts";
import { type Chart, chartBox, type Section, table } from "./section.ts";

export function stepsSection({ points, capacity, main, fairness }: Result): Section {
  const several = points.length > 1;
  // Streams at the same time are no steps of one load: no curve goes through them.
  const streams = fairness !== undefined;
  const title = capacity ? "Capacity" : streams ? "Streams" : "Load";
  const chart = stepsChart(points);
  return {
    id: "load",
    title,
    charts: several && !streams ? { "chart-steps": chart } : {},
    body: html`<h2>${title}</h2>
${
  streams &&
  html`<p class="lead">All at the same time. Fairness ${fairness.toFixed(4)} (Jain's index of the shares of their requests that were answered: 1 is fair).</p>`
}
<div class="cards">
${capacity && capacityCard(capacity)}
${
  several &&
  !streams &&
  html`<div class="card half"><h3>Latency against throughput</h3>
${chartBox("chart-steps", "Latency rises as the throughput comes close to what the server can do.", chart)}</div>`
}
<div class="card ${several && !streams ? "half" : ""}">${table(
      streams ? "Every stream" : "Every load that was tried",
      ["load", "answered", "p50", "p99", "failed", ""],
      points.map((point, index) => [
        point.label,
        perSecond(point.answeredPerSecond),
        milliseconds(quantileOf(point, 0.5)),
        milliseconds(quantileOf(point, 0.99)),
        String(point.failures.reduce((sum, { count }) => sum + count, 0)),
        html`${point.invalid.length > 0 && html`<span class="word bad">invalid</span> `}${
          point.stable === false && html`<span class="word warn">unstable</span> `
        }${several && index === main && html`<span class="word good">shown above</span>`}`,
      ]),
    )}</div></div>`,
  };
}

function capacityCard(capacity: Capacity): Html {
  const { budget, rate, repeats } = capacity;
  const rows: [string, string][] = [
    [
      `highest rate with ${percentileName(budget.share)} ≤ ${milliseconds(budget.ms)}`,
      `${perSecond(rate.perSecond)} (${perSecond(rate.low)} – ${perSecond(rate.high)} over ${repeats.length} repeats)`,
    ],
  ];
  if (capacity.clientsPerDevice !== undefined) {
    const each = capacity.clientRatePerSecond ?? Number.NaN;
    rows.push([
      `clients per device, at ${perSecond(each)} each`,
      number(capacity.clientsPerDevice),
    ]);
  }
  if (capacity.bytesPerSecondPerClient !== undefined) {
    rows.push(["sent and received per client", `${bytes(capacity.bytesPerSecondPerClient)}/s`]);
  }
  if (capacity.oneClientMs !== undefined) {
    rows.push(["one client alone, p50", milliseconds(capacity.oneClientMs)]);
  }
  if (capacity.overheadMs !== undefined) {
    const share = capacity.overheadMs / (capacity.oneClientMs ?? Number.NaN);
    rows.push([
      `overhead of asking a server, over the ${capacity.overheadOver ?? ""}`,
      `${milliseconds(capacity.overheadMs)} (${percent(share)})`,
    ]);
  }
  return html`<div class="card">${table("What this server can do", ["", ""], rows)}</div>`;
}

function stepsChart(points: readonly Point[]): Chart {
  const sorted = [...points].sort((a, b) => a.answeredPerSecond - b.answeredPerSecond);
  return {
    kind: "lines",
    x: { label: "answers per second", format: "number" },
    y: { label: "ms", format: "number", log: true, short: true },
    series: [
      { name: "p50", colour: "s1", points: true },
      { name: "p99", colour: "s2", points: true },
    ],
    data: [
      sorted.map((point) => point.answeredPerSecond),
      sorted.map((point) => quantileOf(point, 0.5)),
      sorted.map((point) => quantileOf(point, 0.99)),
    ],
  };
}

export function quantileOf(point: Point, share: number): number {
  return point.latency.quantiles.find((one) => one.share === share)?.ms ?? Number.NaN;
}
