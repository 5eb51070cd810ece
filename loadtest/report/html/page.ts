/**
 * The report as one HTML file: it needs no network, and its policy would not let
 * it have one. What is drawn by script stands in tables too.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { packageRoot } from "../../../src/package-root.ts";
import { bytes, milliseconds, percent, perSecond, whole } from "../format.ts";
import type { Point, Result } from "../schema.ts";
import { crossingsSection } from "./crossings.ts";
import { failuresSection, generatorSection, repeatSection } from "./honesty.ts";
import { latencySection } from "./latency.ts";
import { Html, html } from "./markup.ts";
import type { Section } from "./section.ts";
import { serverTimeSection } from "./server-time.ts";
import { quantileOf, stepsSection } from "./steps.ts";
import { triggerSection } from "./trigger.ts";

export function reportPage(result: Result): string {
  const point = result.points[result.main];
  if (point === undefined) throw new RangeError("a result without a measurement");
  const sections: readonly Section[] = [
    latencySection(point),
    ...(result.trigger ? [triggerSection(result.trigger)] : []),
    ...(result.crossings ? [crossingsSection(result.crossings)] : []),
    serverTimeSection(result, point),
    ...(result.points.length > 1 || result.capacity ? [stepsSection(result)] : []),
    failuresSection(point, result),
    generatorSection(point, result),
    repeatSection(result),
  ];
  const asset = (file: string) =>
    readFileSync(join(packageRoot, "loadtest", "report", "page", file), "utf8");
  const library = createRequire(import.meta.url).resolve("uplot/dist/uPlot.iife.min.js");
  const plotCss = readFileSync(join(library, "..", "uPlot.min.css"), "utf8");
  const style = `${plotCss}\n${asset("report.css")}`;
  const scripts = [readFileSync(library, "utf8"), asset("report.js")];
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${scripts.map(hashOf).join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const charts = Object.assign({}, ...sections.map((section) => section.charts)) as object;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="${result.tool.name} ${result.tool.version}">
<title>${result.scenario.title} – load test</title>
<style>${new Html(style)}</style>
</head>
<body>
<a class="skip" href="#latency">Skip to the figures</a>
<div class="page">
${top(result)}
<main>
${keyFigures(result, point)}
<nav class="parts" aria-label="Parts of the report"><ul>${sections.map(
    ({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`,
  )}</ul></nav>
${sections.map(({ id, body }) => html`<section id="${id}">${body}</section>\n`)}
</main>
<footer>Written by ${result.tool.name} ${result.tool.version}. The same figures, and more of them, stand in <code>result.json</code> beside this file.</footer>
</div>
<script type="application/json" id="charts">${new Html(inScript(charts))}</script>
${scripts.map((script) => html`<script>${new Html(script)}</script>`)}
</body>
</html>
`.text;
}

function top(result: Result): Html {
  const { scenario, model, server, validity, emulated, origins } = result;
  const devices = origins.filter((origin) => origin.emulated).map(({ device }) => device);
  return html`<header class="top">
<p class="kicker">Load test</p><button class="theme" type="button" hidden>Dark</button>
<h1>${scenario.title}</h1>
<ul class="facts">
<li><b>model</b> ${model.name}${model.version !== "" && ` ${model.version}`}</li>
<li><b>server</b> ${server.name} ${server.version} at ${server.url}, ${server.protocol}</li>
<li><b>when</b> <time datetime="${result.startedAt}">${result.startedAt.replace("T", " ").slice(0, 16)} UTC</time></li>
<li><b>seed</b> ${scenario.seed}</li>
</ul>
</header>
${
  !validity.valid &&
  html`<div class="notice invalid" role="alert"><strong>INVALID</strong><p>These figures say something about the generator, not about the server:</p><ul>${validity.reasons.map(
    (reason) => html`<li>${reason}</li>`,
  )}</ul></div>`
}
<div class="notice scale"><p><strong>Scale.</strong> ${scenario.scale}</p></div>
${
  emulated &&
  html`<div class="notice emulated"><p><strong>Emulated.</strong> Software stood in for the silicon of ${[...new Set(devices)].join(", ") || "at least one device"}: times of the board are not those of hardware, results are.</p></div>`
}`;
}

function keyFigures(result: Result, point: Point): Html {
  const failed = point.failures.reduce((sum, { count }) => sum + count, 0);
  const lost = failed + point.unanswered.count + point.dropped;
  const [budget] = point.budgets;
  const figure = (name: string, value: string, note: string) => {
    const [digits = "", unit = ""] = value.split("\u202f");
    return html`<div><dt>${name}</dt><dd>${digits}${unit !== "" && html` <small>${unit}</small>`}</dd><dd class="note">${note}</dd></div>`;
  };
  const { trigger } = result;
  return html`<dl class="keys">
${figure("Offered", perSecond(point.offeredPerSecond), `${whole(point.sent)} requests in ${point.seconds.toFixed(1)} s`)}
${figure("Answered", perSecond(point.answeredPerSecond), lost === 0 ? "every one of them" : `${whole(lost)} were not`)}
${figure("p50", milliseconds(quantileOf(point, 0.5)), "from the intended time")}
${figure("p99", milliseconds(quantileOf(point, 0.99)), `longest ${milliseconds(point.latency.maxMs)}`)}
${budget && figure("In time", percent(budget.inTime), `budget ${milliseconds(budget.ms)}`)}
${trigger && figure("Trigger output", perSecond(trigger.outputPerSecond), `threshold ${trigger.threshold}`)}
${
  trigger &&
  figure(
    "Dead time",
    percent(trigger.deadShare),
    trigger.deadTime.length === 0 ? "no rule was set" : "of crossings, all causes",
  )
}
${!trigger && figure("Rows", perSecond(point.rowsPerSecond), `${bytes(point.generator.bytesOutPerSecond)}/s sent`)}
</dl>`;
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** JSON that cannot end the element it stands in. */
function inScript(value: object): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}
