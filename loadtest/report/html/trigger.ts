/** What a trigger makes of the scores: rate, efficiency, separation, dead time. */
import { number, percent, perSecond, whole } from "../format.ts";
import type { TriggerFigures } from "../schema.ts";
import { html } from "./markup.ts";
import { bar, type Chart, chartBox, type Section, table } from "./section.ts";

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
    x: { label: "threshold on the score", format: "number" },
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

function turnOnChart({ variable, bins }: NonNullable<TriggerFigures["turnOn"]>): Chart {
  const filled = bins.filter(({ events }) => events > 0);
  return {
    kind: "lines",
    x: { label: variable, format: "number" },
    y: { label: "efficiency", format: "percent", min: 0, max: 1.03 },
    series: [
      { name: "efficiency", colour: "s1", points: true, noLine: true },
      { name: "" },
      { name: "" },
    ],
    data: [
      filled.map(({ from, to }) => (from + to) / 2),
      filled.map(({ value }) => value),
      filled.map(({ low }) => low),
      filled.map(({ high }) => high),
    ],
    bars: [
      {
        ...{ value: 1, low: 2, high: 3, colour: "s1" },
        from: filled.map(({ from }) => from),
        to: filled.map(({ to }) => to),
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

function thinned<T>(values: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, Math.ceil(values.length / most));
  return values.filter((_, at) => at % step === 0);
}
