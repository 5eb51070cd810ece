/** Where a request's time went, and in what company it was executed. */
import { milliseconds, number, percent, whole } from "../format.ts";
import type { Point, Result } from "../schema.ts";
import { type Html, html } from "./markup.ts";
import { bar, type Section, table } from "./section.ts";

export function serverTimeSection(result: Result, point: Point): Section {
  return {
    id: "time",
    title: "Where time goes",
    charts: {},
    body: html`<h2>Where time goes</h2>${
      point.split === undefined ? untold(result) : told(point.split, point.service.meanMs)
    }${result.stages && stagesCard(result.stages)}`,
  };
}

function stagesCard(stages: NonNullable<Result["stages"]>): Html {
  return html`<div class="cards below"><div class="card">${table(
    "Two models in a row",
    ["", "model", "mean", "p99"],
    stages.map(({ name, model, meanMs, p99Ms }) => [
      ...[name, model, milliseconds(meanMs), milliseconds(p99Ms)],
    ]),
    [1],
  )}</div></div>`;
}

function untold(result: Result): Html {
  return html`<p class="lead">Not told by the server: ${result.server.name || "it"} has no statistics of this model (ModelStatistics is an extension of the protocol). All that a client can say is the latency above.</p>`;
}

function told(split: NonNullable<Point["split"]>, serviceMs: number): Html {
  const parts = [
    ["queue", split.queueMs],
    ["compute: input", split.computeInputMs],
    ["compute: inference", split.computeInferMs],
    ["compute: output", split.computeOutputMs],
    ["rest of the server", split.serverOverheadMs],
    ["network and client", split.networkMs],
  ] as const;
  const total = parts.reduce((sum, [, ms]) => sum + Math.max(0, ms), 0) || 1;
  let at = 0;
  const pieces = parts.map(([, ms], index) => {
    const width = (100 * Math.max(0, ms)) / total;
    const piece = html`<rect class="f${index + 1}" x="${at.toFixed(2)}" width="${Math.max(0, width - 0.25).toFixed(2)}" height="10"></rect>`;
    at += width;
    return piece;
  });
  const most = Math.max(...split.batchRows.map(({ executions }) => executions), 1);
  return html`<p class="lead">Means of ${whole(split.inferences)} rows in ${whole(split.executions)} executions, from the server's own counters before and after. A request took ${milliseconds(serviceMs)} from when it really went.</p>
<div class="cards">
<div class="card half"><svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="Shares of a request's time, as in the table below">${pieces}</svg>
${table(
  "Time of a mean request",
  ["", "mean", "share"],
  parts.map(([name, ms], index) => [
    html`<i class="key c${index + 1}"></i>${name}`,
    milliseconds(ms),
    percent(Math.max(0, ms) / total),
  ]),
)}</div>
<div class="card half">${
    split.batchRows.length === 0
      ? html`<h3>Rows of an execution</h3><p class="lead">${split.executions === 0 ? "Nothing was executed." : html`${number(split.inferences / split.executions)} on average; the server does not tell more.`}</p>`
      : table(
          "Rows of an execution",
          ["rows", "executions", ""],
          split.batchRows.map(({ rows, executions }) => [
            whole(rows),
            whole(executions),
            bar(executions / most, 4),
          ]),
        )
  }</div></div>`;
}
