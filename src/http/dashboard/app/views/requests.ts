/** Requests as they end, some of them, with where their time went; and each that has an id, told in full. */
import type { RequestSample, RequestSamples } from "../../../../inference/request-sample.ts";
import { timeOfDay, zoneName } from "../clock.ts";
import { el, focusOf, isBusy } from "../dom.ts";
import { explain } from "../explanation.ts";
import { ms, number } from "../format.ts";
import { set, setting } from "../place.ts";
import { type Column, table } from "../table.ts";
import { explained } from "./explained.ts";
import { type Level, mark } from "./marks.ts";
import { stageBar, stageLegend, stagesInWords } from "./stage-bar.ts";
import type { View, ViewContext } from "./view.ts";

const ASKED = "/v2/beamgate/dashboard/requests";
/** That the page remembers, and that it shows. */
const MOST_KEPT = 1_000;
const MOST_SHOWN = 100;

const LEVELS: Readonly<Record<RequestSample["outcome"], Level>> = {
  answered: "good",
  rejected: "warn",
  cancelled: "none",
  failed: "bad",
};

/** Newest first. */
let kept: RequestSample[] = [];
let last = 0;
let asking = false;
let trouble: string | undefined;
/** Where the list is drawn; the form beside it stays. */
let list: HTMLElement | undefined;
/** Has a request told in full. */
let tell: (id: string) => void = () => {};

const time = (us: number | undefined) => ({
  text: us === undefined ? "–" : ms(us / 1000),
  value: us ?? null,
});

/** @param longestUs that all bars are measured by; undefined: each fills its place */
function columnsOf(
  longestUs: number | undefined,
  linkTo: ViewContext["linkTo"],
): Column<RequestSample>[] {
  return [
    {
      key: "at",
      title: zoneName(),
      cell: ({ at }) => ({ text: timeOfDay(new Date(at)), value: at }),
    },
    {
      title: "Request",
      kind: "name",
      cell: ({ id }) => ({
        text: id === "" ? "–" : id,
        ...(id !== "" && { node: linkOf(id, linkTo("requests", id)) }),
      }),
    },
    {
      title: "Where its time went",
      cell: (request) => ({
        text: stagesInWords(request),
        value: request.totalUs,
        node: stageBar(request, longestUs ?? request.totalUs),
      }),
    },
    {
      title: "Total",
      kind: "n",
      cell: ({ totalUs, slowest }) => ({
        text: `${ms(totalUs / 1000)}${slowest === true ? " ▲" : ""}`,
        value: totalUs,
      }),
    },
    { title: "Wire", kind: "n", cell: ({ wireUs }) => time(wireUs) },
    { title: "Queue", kind: "n", cell: ({ queueUs }) => time(queueUs) },
    { title: "Batch", kind: "n", cell: ({ batchUs }) => time(batchUs) },
    { title: "Compute", kind: "n", cell: ({ computeUs }) => time(computeUs) },
    {
      title: "Outcome",
      cell: ({ outcome, cached }) =>
        mark(LEVELS[outcome], cached === true ? `${outcome}, cached` : outcome),
    },
    { title: "Model", kind: "name", cell: ({ model }) => model },
    { title: "Version", cell: ({ version }) => version },
    { title: "Tenant", cell: ({ tenant }) => tenant },
    {
      title: "Device",
      cell: ({ device, variant }) =>
        variant === undefined ? (device ?? "–") : `${device ?? "–"}, ${variant}`,
    },
    { title: "Rows", kind: "n", cell: ({ rows }) => ({ text: number(rows), value: rows }) },
    {
      title: "Rows of its batch",
      kind: "n",
      cell: ({ batchRows }) => ({ text: number(batchRows), value: batchRows ?? null }),
    },
    {
      title: "Note",
      cell: ({ onBehalf, requests }) =>
        onBehalf === true ? "a step" : requests === undefined ? "" : `${requests} bundled`,
    },
  ];
}

/** An address where the page is already changes nothing: then the request is asked for here. */
function linkOf(id: string, href: string): Node {
  const click = () => {
    if (location.hash === href) tell(id);
  };
  return el("a", { href, click }, id);
}

function drawList(context: ViewContext): void {
  if (list === undefined) return;
  const { find, frozen, snapshot, linkTo } = context;
  const wanted = find.toLowerCase();
  const then = Date.parse(snapshot.at);
  const ended = frozen ? kept.filter(({ at }) => Date.parse(at) <= then) : kept;
  const matching =
    wanted === ""
      ? ended
      : ended.filter(({ id, model, tenant, device = "", outcome, version }) =>
          [id, model, tenant, device, outcome, version].some((text) =>
            text.toLowerCase().includes(wanted),
          ),
        );
  const shown = matching.slice(0, MOST_SHOWN);
  const longestUs = shown.reduce((most, { totalUs }) => Math.max(most, totalUs), 0);
  const oneScale = setting("scale") !== "each";
  const scale = el(
    "button",
    {
      type: "button",
      "aria-pressed": String(oneScale),
      title: "Bars can be compared with each other, or each fills its place",
      click: () => {
        set("scale", oneScale ? "each" : undefined);
        drawList(context);
      },
    },
    "One scale",
  );
  const empty =
    trouble ??
    (ended.length === 0
      ? frozen
        ? "No request of before that moment is kept any more: they are no part of a snapshot."
        : "No request ended since this view was opened."
      : "None of those that are shown is like that.");
  const drawn = table(
    shown,
    {
      title: "Newest requests",
      columns: columnsOf(oneScale ? longestUs : undefined, linkTo),
      empty,
      more: [scale],
      promql:
        "histogram_quantile(0.99, sum by (le, model) (rate(beamgate_request_seconds_bucket[1m])))",
    },
    "",
    () => drawList(context),
  );
  drawn
    .querySelector(".head")
    ?.after(
      el(
        "p",
        { class: "soft" },
        "A few of each tenant in every half second, the slowest (▲) and some that failed among them. ",
        `Of ${ended.length} that are kept here ${shown.length} are shown.`,
      ),
      stageLegend(),
    );
  const aside = list.querySelector(".scroll")?.scrollLeft ?? 0;
  const focused = focusOf(list);
  list.replaceChildren(drawn);
  focused?.();
  const scroll = list.querySelector(".scroll");
  if (scroll !== null) scroll.scrollLeft = aside;
}

async function look(context: ViewContext): Promise<void> {
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(`${ASKED}?after=${last}`);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const told = (await answer.json()) as RequestSamples;
    trouble = undefined;
    // The gateway began anew, and so do its numbers.
    if (told.last < last) kept = [];
    last = told.last;
    kept = [...told.requests.toReversed(), ...kept].slice(0, MOST_KEPT);
  } catch {
    trouble = "The gateway does not answer.";
  } finally {
    asking = false;
  }
  // It is drawn with the next answer then.
  if (list === undefined || !isBusy(list)) drawList(context);
}

function askForm(context: ViewContext): Node[] {
  const input = el("input", {
    type: "text",
    name: "id",
    value: context.find,
    required: true,
    autocomplete: "off",
    spellcheck: "false",
  }) as HTMLInputElement;
  const told = el("div", { role: "status" });
  const ask = async (isMeant = true) => {
    const id = input.value;
    const found = await explain(id);
    // Meanwhile he asked for another one.
    if (input.value !== id) return;
    if ("error" in found) {
      const more = isMeant ? "" : `; the requests below are searched for '${id}'`;
      const level = isMeant ? "notice warn" : "soft";
      told.replaceChildren(el("p", { class: level }, `${found.error}${more}`));
      return;
    }
    const redraw = () => told.replaceChildren(...explained(found, redraw));
    redraw();
  };
  tell = (id) => {
    input.value = id;
    void ask();
  };
  // It may be no id, but what the list is searched for.
  if (context.find !== "") void ask(false);
  const form = el(
    "form",
    {
      class: "line",
      submit: (event) => {
        event.preventDefault();
        const link = context.linkTo("requests", input.value);
        // Another address draws the view anew, which asks.
        if (location.hash === link) void ask();
        else location.hash = link;
      },
    },
    el("label", {}, "Id of a request", input),
    el("button", { type: "submit" }, "Explain"),
  );
  return [
    el(
      "section",
      {},
      el("h2", {}, "Explain a request"),
      el(
        "p",
        { class: "soft" },
        "The newest requests that came with an id of their own are remembered.",
      ),
      form,
    ),
    told,
  ];
}

export const requests: View = {
  name: "requests",
  title: "Requests",
  draw: (context) => {
    list = el("div");
    const nodes = [...askForm(context), list];
    drawList(context);
    // What was seen before the page was frozen stays; of a page that was opened frozen nothing was seen.
    if (!context.frozen || last === 0) void look(context);
    return nodes;
  },
  update: (context) => {
    if (context.frozen) drawList(context);
    else void look(context);
  },
};
