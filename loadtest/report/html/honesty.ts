/** What went wrong, whether the measurement may be believed, and how to repeat it. */
import { bytes, milliseconds, percent, perSecond, whole } from "../format.ts";
import type { Point, Result } from "../schema.ts";
import { type Html, html } from "./markup.ts";
import { bar, type Section, table } from "./section.ts";

export function failuresSection(point: Point, { agreement, origins }: Result): Section {
  const failed = point.failures.reduce((sum, { count }) => sum + count, 0);
  const lost = failed + point.unanswered.count + point.dropped;
  const rows = [
    ...point.failures.map(({ reason, count }): [string, number] => [reason, count]),
    ["no answer by the end of the run", point.unanswered.count] as const,
    ["never sent: too much was unanswered", point.dropped] as const,
  ].filter(([, count]) => count > 0);
  return {
    id: "answers",
    title: "Answers",
    charts: {},
    body: html`<h2>Refusals and answers</h2>
<div class="cards">
<div class="card half">${
      lost === 0
        ? html`<h3>Refusals by reason</h3><p class="lead"><span class="word good">none</span> All ${whole(point.sent)} requests were answered.</p>`
        : html`${table(
            "Refusals by reason",
            ["reason", "requests", "share"],
            rows.map(([reason, count]) => [
              reason,
              whole(count),
              percent(count / Math.max(1, point.sent + point.dropped)),
            ]),
            [0],
          )}${
            point.unanswered.count > 0 &&
            html`<p class="caption">The oldest unanswered request was ${milliseconds(point.unanswered.oldestMs)} old.</p>`
          }`
    }</div>
<div class="card half">${
      origins.length === 0
        ? html`<h3>Who answered</h3><p class="lead">The answers do not tell which device they came from (parameters <code>beamgate_device</code> and <code>beamgate_emulated</code>).</p>`
        : table(
            "Who answered",
            ["device", "variant", "", "answers"],
            origins.map(({ device, variant, emulated, answers }) => [
              device,
              variant,
              emulated
                ? html`<span class="word warn">emulated</span>`
                : html`<span class="word good">hardware</span>`,
              whole(answers),
            ]),
            [0, 1],
          )
    }</div>
${agreement && agreementCard(agreement)}
</div>`,
  };
}

function agreementCard(agreement: NonNullable<Result["agreement"]>): Html {
  const { reference, compared, bitExact, decisionsFlipped, largestDifference } = agreement;
  return html`<div class="card">${table(
    `Agreement with ${reference}`,
    ["", "events", "share", ""],
    [
      ["compared", whole(compared), "", bar(1, 6)],
      [
        "equal to the last bit",
        whole(bitExact),
        percent(bitExact / compared),
        bar(bitExact / compared, 3),
      ],
      [
        "decision flipped",
        whole(decisionsFlipped),
        percent(decisionsFlipped / compared),
        bar(decisionsFlipped / compared, 2),
      ],
    ],
  )}<p class="caption">Largest difference of two scores: ${largestDifference.toPrecision(3)}.</p></div>`;
}

export function generatorSection(point: Point, { ceiling, host }: Result): Section {
  const { generator } = point;
  return {
    id: "generator",
    title: "Generator",
    charts: {},
    body: html`<h2>The generator itself</h2>
<p class="lead">A load test measures its own load generator too. More than 1&nbsp;% of requests sent late, or more than 90&nbsp;% of a core, and the run is invalid.</p>
<div class="cards">
<div class="card half">${table(
      "While measuring",
      ["", ""],
      [
        ["sent late", percent(generator.lateShare)],
        ["behind the intended time, p50", milliseconds(generator.lagP50Ms)],
        ["p99", milliseconds(generator.lagP99Ms)],
        ["longest", milliseconds(generator.lagMaxMs)],
        ["held back by a limit of requests in flight", percent(generator.heldShare)],
        ["of its core, busiest process", percent(generator.cpuShare)],
        ["processes", whole(generator.processes)],
        ["sent", `${bytes(generator.bytesOutPerSecond)}/s`],
        ["received", `${bytes(generator.bytesInPerSecond)}/s`],
        ["connections lost and opened again", whole(generator.reconnects)],
      ],
    )}</div>
<div class="card half">${
      ceiling
        ? table(
            "Its ceiling, found before the run",
            ["", ""],
            [
              [
                `${ceiling.protocol} against a server that does nothing`,
                `${perSecond(ceiling.perSecond)}`,
              ],
              ["per second of its own CPU", whole(ceiling.perCpuSecond)],
              [
                "this run took of it",
                percent(point.offeredPerSecond / generator.processes / ceiling.perCpuSecond),
              ],
            ],
          )
        : html`<h3>Its ceiling</h3><p class="lead">Not looked for in this run.</p>`
    }
${table(
  "Machine",
  ["", ""],
  [
    ["processor", host.cpu],
    ["cores", whole(host.cores)],
    ["memory", bytes(host.memoryBytes)],
    ["system", host.system],
    ["load before the run", host.loadAverage.map((value) => value.toFixed(2)).join("  ")],
  ],
  [1],
)}</div>
${
  point.windows.length > 1 &&
  html`<div class="card"><details><summary>The ${whole(point.windows.length)} windows of the measurement</summary>${table(
    "Windows",
    ["window", "answered", "latency", "late"],
    point.windows.map(({ answeredPerSecond, latencyMs, late }, index) => [
      String(index + 1),
      perSecond(answeredPerSecond),
      milliseconds(latencyMs),
      percent(late),
    ]),
  )}</details></div>`
}</div>`,
  };
}

export function repeatSection(result: Result): Section {
  const { scenario, tool, intended, notes, objectives } = result;
  return {
    id: "repeat",
    title: "Repeat it",
    charts: {},
    body: html`<h2>Repeat it</h2>
<div class="cards">
${
  objectives.length > 0 &&
  html`<div class="card">${table(
    "Objectives",
    ["objective", "found", ""],
    objectives.map(({ text, found, met }) => [
      text,
      found,
      met ? html`<span class="word good">met</span>` : html`<span class="word bad">missed</span>`,
    ]),
    [0],
  )}</div>`
}
<div class="card half">${table(
      "The run",
      ["", ""],
      [
        ["scenario", scenario.name],
        ["seed", String(scenario.seed)],
        [
          "intended times",
          intended.count === 0
            ? "none, a closed loop"
            : `${whole(intended.count)}, SHA-256 ${intended.sha256.slice(0, 16)}…`,
        ],
        ["began", result.startedAt],
        ["ended", result.finishedAt],
        ["tool", `${tool.name} ${tool.version}, Node ${tool.node}`],
      ],
      [1],
    )}</div>
<div class="card half"><h3>Remarks</h3>${
      notes.length === 0
        ? html`<p class="lead">None.</p>`
        : html`<ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>`
    }
<details><summary>All settings</summary><pre tabindex="0">${JSON.stringify(scenario.settings, null, 2)}</pre></details></div>
</div>`,
  };
}
