/** One request, told: where its time went, which ways it could have gone, in whose batch it was. */
import { instant } from "../clock.ts";
import { el } from "../dom.ts";
import type { Batch, Candidate, Explanation, Routing, Story } from "../explanation.ts";
import { ms, number } from "../format.ts";
import { type Column, table } from "../table.ts";
import { mark } from "./marks.ts";
import { type StageTimesUs, stageBar, stageLegend, stagesInWords } from "./stage-bar.ts";

const BATCHES: readonly Column<Batch>[] = [
  { title: "After", kind: "n", cell: ({ atUs }) => ({ text: ms(atUs / 1000), value: atUs }) },
  { title: "Rows", kind: "n", cell: ({ rows }) => ({ text: number(rows), value: rows }) },
  {
    title: "Requests",
    kind: "n",
    cell: ({ requests }) => ({ text: number(requests), value: requests }),
  },
  { title: "Closed because", kind: "text", cell: ({ closed }) => closed },
  { title: "Device", cell: ({ device }) => device },
  { title: "Instance", cell: ({ instance }) => instance },
];

const CANDIDATES: readonly Column<Candidate & { readonly chosen: boolean }>[] = [
  {
    title: "Variant",
    kind: "name",
    cell: ({ name, chosen }) => (chosen ? mark("good", `${name}, taken`) : name),
  },
  { title: "Vendor", cell: ({ vendor }) => vendor },
  { title: "Platform", kind: "name", cell: ({ platform }) => platform },
  { title: "Class", cell: ({ numericClass }) => numericClass },
  {
    title: "Could serve",
    cell: ({ ready, allowed }) =>
      ready ? (allowed ? "yes" : "no: its breakers are open") : "no: not ready",
  },
  {
    title: "Rows before",
    kind: "n",
    cell: ({ queuedRows, inFlightRows }) => {
      const rows = queuedRows + inFlightRows;
      return { text: number(rows), value: rows };
    },
  },
  {
    title: "Expected",
    kind: "n",
    cell: ({ expectedDelayMs }) => ({ text: ms(expectedDelayMs), value: expectedDelayMs ?? null }),
  },
];

const STEPS: readonly Column<Story>[] = [
  { title: "Model", kind: "name", cell: ({ model }) => model },
  { title: "Version", cell: ({ version }) => version },
  { title: "Outcome", cell: outcomeOf },
  {
    title: "Where its time went",
    cell: (step) => {
      const times = timesOf(step);
      const text = times === undefined ? "–" : stagesInWords(times);
      return { text, ...(times && { node: stageBar(times, times.totalUs) }) };
    },
  },
  {
    title: "Device",
    cell: ({ batches }) => batches.map(({ device }) => device).join(", ") || "–",
  },
];

export function explained(told: Explanation, redraw: () => void): Node[] {
  const times = timesOf(told);
  const facts: readonly (readonly [string, string])[] = [
    ["Received", instant(new Date(told.receivedAt), true)],
    ["Tenant", told.tenant],
    ["Model", `${told.model}${told.version === "" ? "" : ` version ${told.version}`}`],
    ["Outcome", told.failure === undefined ? told.outcome : `${told.outcome}: ${told.failure}`],
    ...(told.bundled === undefined
      ? []
      : [["Bundled", `${told.bundled} requests of a stream went together`] as const]),
    ...(times === undefined ? [] : [["Time", `${ms(times.totalUs / 1000)}`] as const]),
    ...Object.entries(told.origin ?? {}).map(([name, value]) => [name, String(value)] as const),
  ];
  return [
    el(
      "section",
      { class: "explained" },
      el("h2", {}, `Request ${told.id}`),
      ...(times === undefined
        ? []
        : [
            stageBar(times, times.totalUs),
            stageLegend(),
            el("p", { class: "soft" }, stagesInWords(times)),
          ]),
      el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    ),
    ...(told.routing ?? []).map((routing, at) => routed(routing, at, redraw)),
    table(
      told.batches,
      { title: "Batches", columns: BATCHES, empty: "It came into no batch." },
      "",
      redraw,
    ),
    ...(told.steps === undefined
      ? []
      : [table(told.steps, { title: "Steps", columns: STEPS, empty: "None." }, "", redraw)]),
    ...(told.notes.length === 0
      ? []
      : [
          el(
            "section",
            {},
            el("h2", {}, "What else happened"),
            el(
              "ul",
              {},
              ...told.notes.map(({ atUs, what }) =>
                el("li", {}, `after ${ms(atUs / 1000)}: ${what}`),
              ),
            ),
          ),
        ]),
    el(
      "details",
      {},
      el("summary", {}, "As JSON"),
      el("pre", { tabindex: "0" }, JSON.stringify(told, undefined, 2)),
    ),
  ];
}

function routed({ variant, why, wish, candidates }: Routing, at: number, redraw: () => void): Node {
  const rows = candidates.map((candidate) => ({
    ...candidate,
    chosen: candidate.name === variant,
  }));
  const wished = Object.entries(wish ?? {}).map(([name, value]) => `${name} ${value}`);
  const asked = wished.length === 0 ? "" : `; asked for: ${wished.join(", ")}`;
  const section = table(
    rows,
    {
      title: at === 0 ? "Ways it could go" : `Ways it could go, look ${at + 1}`,
      columns: CANDIDATES,
      empty: "There was one way only.",
    },
    "",
    redraw,
  );
  section.append(el("p", { class: "soft" }, `${variant}: ${why}${asked}`));
  return section;
}

function outcomeOf({ outcome, failure }: Story) {
  const level = outcome === "answered" ? "good" : outcome === "failed" ? "bad" : "none";
  return mark(level, failure === undefined ? outcome : `${outcome}: ${failure.slice(0, 80)}`);
}

/** undefined: it is under way. */
function timesOf({ timeline }: Story): StageTimesUs | undefined {
  const { queuedUs, dispatchedUs, inferUs, answeredUs } = timeline;
  if (answeredUs === undefined) return undefined;
  if (queuedUs === undefined) return { totalUs: answeredUs, wireUs: answeredUs };
  const queueUs = (dispatchedUs ?? answeredUs) - queuedUs;
  if (dispatchedUs === undefined || inferUs === undefined)
    return { totalUs: answeredUs, wireUs: queuedUs, queueUs };
  const computeUs = Math.min(inferUs, answeredUs - dispatchedUs);
  const batchUs = answeredUs - dispatchedUs - computeUs;
  return { totalUs: answeredUs, wireUs: queuedUs, queueUs, batchUs, computeUs };
}
