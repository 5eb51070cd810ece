/** What a trigger makes of the scores: rate, efficiency, separation, dead time. */
import { number, percent, perSecond, whole } from "../format.ts";
import type { TriggerFigures } from "../schema.ts";
import { html } from "./markup.ts";
import { bar, type Chart, chartBox, type Section, table } from "./section.ts";

const CURVE_POINTS = 120;

export function triggerSection(trigger: TriggerFigures): Section {
  const rate = rateChart(trigger);
  const turnOn = trigger.turnOn && turnOnChart(trigger.turnOn);
  const roc = trigger.roc && rocChart(trigger.roc);
  return {
    id: "trigger",
    title: "Trigger",
    charts: {
      "chart-rate": rate,
      ...(turnOn ? { "chart-turn-on": turnOn } : {}),
      ...(roc ? { "chart-roc": roc } : {}),
    },
    body: html`<h2>Trigger</h2>
<p class="lead">The decision as the experiment would take it: ${trigger.describe}. Rates are the experiment's: these events stand for ${perSecond(trigger.eventsPerSecond)} of its.</p>
<div class="cards">
<div class="card two-thirds"><h3>Output rate against threshold</h3>
${chartBox("chart-rate", `Output rate falls with the threshold; at ${number(trigger.threshold)} it is ${perSecond(trigger.outputPerSecond)}.`, rate)}
<details><summary>As a table</summary>${table(
      "Output rate by threshold",
      ["threshold", "rate", "68 % interval"],
      trigger.rate.map((one) => [
        number(one.threshold),
        perSecond(one.perSecond),
        `${perSecond(one.low)} – ${perSecond(one.high)}`,
      ]),
    )}</details></div>
<div class="card third">${table(
      "Where events went",
      ["", "events", ""],
      [
        ["fell due", whole(trigger.events), bar(1, 6)],
        ["scored in time", whole(trigger.scored), bar(trigger.scored / trigger.events)],
        ["late or lost", whole(trigger.late), bar(trigger.late / trigger.events, 2)],
        ["above threshold", whole(trigger.accepted), bar(trigger.accepted / trigger.events)],
        ["read out", whole(trigger.read), bar(trigger.read / trigger.events, 3)],
      ],
    )}
${
  trigger.deadTime.length > 0 &&
  table(
    "Dead time by cause",
    ["cause", "of crossings", "accepts lost"],
    trigger.deadTime.map(({ cause, share, refused }) => [cause, percent(share), whole(refused)]),
    [0],
  )
}</div>
${
  trigger.turnOn &&
  turnOn &&
  html`<div class="card half"><h3>Turn-on</h3>
${chartBox("chart-turn-on", "Efficiency of the trigger against the truth.", turnOn)}
<p class="caption">Efficiency with Clopper-Pearson intervals of 68.3 %; the bars' width is the bin.${
    trigger.turnOn.fit &&
    html` Fitted: plateau ${percent(trigger.turnOn.fit.plateau)}, half of it at ${number(trigger.turnOn.fit.halfAt)}, width ${number(trigger.turnOn.fit.width)}.`
  }</p>
<details><summary>As a table</summary>${table(
    `Efficiency by ${trigger.turnOn.variable}`,
    [trigger.turnOn.variable, "events", "efficiency", "interval"],
    trigger.turnOn.bins.map(({ from, to, events, value, low, high }) => [
      `${number(from)} – ${number(to)}`,
      whole(events),
      events === 0 ? "–" : percent(value),
      events === 0 ? "–" : `${percent(low)} – ${percent(high)}`,
    ]),
  )}</details></div>`
}
${
  trigger.roc &&
  roc &&
  html`<div class="card half"><h3>Signal against background</h3>
${chartBox("chart-roc", `Signal efficiency against background acceptance; area under the curve ${number(trigger.roc.area)}.`, roc)}
<p class="caption">Area under the curve ${trigger.roc.area.toFixed(4)}.</p>
<details><summary>As a table</summary>${table(
    "ROC",
    ["threshold", "signal kept", "background kept"],
    thinned(trigger.roc.points, 60).map(({ threshold, signal, background }) => [
      number(threshold),
      percent(signal),
      percent(background),
    ]),
  )}</details></div>`
}
</div>`,
  };
}

function rateChart({ rate, threshold }: TriggerFigures): Chart {
  const shown = rate.filter(({ perSecond }) => perSecond > 0);
  return {
    kind: "lines",
    x: { label: "threshold on the score", format: "number", ...axisOf(shown) },
    y: { label: "Hz", format: "number", log: true, short: true },
    series: [{ name: "rate", colour: "s1" }, { name: "" }, { name: "" }],
    bands: [[2, 3]],
    data: [
      shown.map((one) => one.threshold),
      shown.map((one) => one.perSecond),
      shown.map((one) => one.high),
      shown.map((one) => (one.low > 0 ? one.low : null)),
    ],
    marks: [{ x: threshold, text: "working point", colour: "s2" }],
  };
}

/** Scores without an upper end, as of anomaly detectors, are told apart on a logarithmic axis only. */
function axisOf(shown: TriggerFigures["rate"]): { log?: boolean; short?: boolean } {
  const first = shown[0]?.threshold ?? 0;
  const last = shown.at(-1)?.threshold ?? 0;
  const wide = first > 0 && last / first > 30 && last / first < 1e6;
  return wide && last > 2 ? { log: true, short: last / first < 1000 } : {};
}

function turnOnChart({ variable, bins, fit }: NonNullable<TriggerFigures["turnOn"]>): Chart {
  const filled = bins.filter(({ events }) => events > 0);
  const low = bins[0]?.from ?? 0;
  const high = bins.at(-1)?.to ?? 1;
  const points = filled.map(({ from, to, value, low, high }) => {
    return { x: (from + to) / 2, value, low, high, from, to };
  });
  // The curve needs more x than the points have; where they have none there is a hole.
  const curve =
    fit === undefined
      ? []
      : Array.from(
          { length: CURVE_POINTS + 1 },
          (_, at) => low + ((high - low) * at) / CURVE_POINTS,
        );
  const xs = [...new Set([...points.map(({ x }) => x), ...curve])].sort((a, b) => a - b);
  const at = new Map(points.map((point) => [point.x, point]));
  const column = (of: (point: (typeof points)[number]) => number) =>
    xs.map((x) => {
      const point = at.get(x);
      return point === undefined ? null : of(point);
    });
  return {
    kind: "lines",
    x: { label: variable, format: "number", min: low, max: high },
    y: { label: "efficiency", format: "percent", min: 0, max: 1.03 },
    series: [
      { name: "efficiency", colour: "s1", points: true, noLine: true },
      { name: "" },
      { name: "" },
      ...(fit === undefined ? [] : [{ name: "fit", colour: "s2" as const }]),
    ],
    data: [
      xs,
      column(({ value }) => value),
      column(({ low }) => low),
      column(({ high }) => high),
      ...(fit === undefined ? [] : [xs.map((x) => fitted(fit, x))]),
    ],
    bars: [
      {
        ...{ value: 1, low: 2, high: 3, colour: "s1" },
        from: column(({ from }) => from),
        to: column(({ to }) => to),
      },
    ],
  };
}

function rocChart({ points }: NonNullable<TriggerFigures["roc"]>): Chart {
  const shown = [...points]
    .filter(({ background }) => background > 0)
    .sort((a, b) => a.background - b.background || a.signal - b.signal);
  const unique = shown.filter(({ background }, at) => background !== shown[at + 1]?.background);
  return {
    kind: "lines",
    x: { label: "background kept", format: "percent", log: true },
    y: { label: "signal kept", format: "percent", min: 0, max: 1.03 },
    series: [
      { name: "model", colour: "s1" },
      { name: "chance", colour: "s6", dashed: true },
    ],
    data: [
      unique.map(({ background }) => background),
      unique.map(({ signal }) => signal),
      unique.map(({ background }) => background),
    ],
  };
}

/** 0.5 plateau (1 + erf((x - halfAt) / (sqrt 2 width))). */
function fitted(
  { plateau, halfAt, width }: NonNullable<NonNullable<TriggerFigures["turnOn"]>["fit"]>,
  x: number,
): number {
  // The normal distribution's own integral, within 7.5e-8 (Abramowitz and Stegun 26.2.17).
  const z = (x - halfAt) / width;
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return plateau * (z > 0 ? 1 - tail : tail);
}

function thinned<T>(values: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, Math.ceil(values.length / most));
  return values.filter((_, at) => at % step === 0);
}
