/** Load on this gateway by its own load test: a preset is started, watched and stopped, and its report opened. */
import type {
  FinishedLoadtest,
  LoadtestLook,
  LoadtestOverview,
  LoadtestPreset,
  RunningLoadtest,
} from "../../../../inference/loadtest-report.ts";
import { el, focusOf, isBusy } from "../dom.ts";
import { moment, ms, number, percent } from "../format.ts";
import { set, setting } from "../place.ts";
import { type Column, table } from "../table.ts";
import { tellTrouble } from "../troubles.ts";
import { type Level, mark } from "./marks.ts";
import type { View, ViewContext } from "./view.ts";

const ASKED = "/v2/beamgate/loadtests";
const LEVELS: Readonly<Record<FinishedLoadtest["verdict"], Level>> = {
  ok: "good",
  missed: "warn",
  invalid: "warn",
  failed: "bad",
};
const VERDICTS: Readonly<Record<FinishedLoadtest["verdict"], string>> = {
  ok: "ok",
  missed: "objective missed",
  invalid: "invalid",
  failed: "failed",
};

let told: LoadtestOverview | undefined;
let trouble: string | undefined;
let asking = false;
/** Of which the form is filled in: the address names it. */
const chosenOf = () => told?.presets.find(({ name }) => name === setting("preset"));
let place: { readonly form: HTMLElement; readonly lists: HTMLElement } | undefined;

const link = (id: string, what: string) => `${ASKED}/${encodeURIComponent(id)}/${what}`;

const LOOKS: readonly Column<LoadtestLook>[] = [
  { title: "Load", kind: "name", cell: ({ label }) => label || "all" },
  { title: "Phase", cell: ({ phase }) => phase },
  { title: "Progress", cell: progressOf },
  {
    title: "Answers/s",
    kind: "n",
    cell: ({ answeredPerSecond }) => ({
      text: number(answeredPerSecond),
      value: answeredPerSecond,
    }),
  },
  { title: "p50", kind: "n", cell: ({ p50Ms }) => ({ text: ms(p50Ms), value: p50Ms }) },
  { title: "p99", kind: "n", cell: ({ p99Ms }) => ({ text: ms(p99Ms), value: p99Ms }) },
  {
    title: "In flight",
    kind: "n",
    cell: ({ inFlight }) => ({ text: number(inFlight), value: inFlight }),
  },
  { title: "Failed", kind: "n", cell: ({ failed }) => ({ text: number(failed), value: failed }) },
  {
    title: "Sent late",
    kind: "n",
    cell: ({ lateShare }) => ({ text: percent(lateShare), value: lateShare }),
  },
];

function progressOf({ elapsedMs, totalMs }: LoadtestLook) {
  const text = `${Math.round(elapsedMs / 1000)}${totalMs === undefined ? "" : ` of ${Math.round(totalMs / 1000)}`} s`;
  if (totalMs === undefined) return { text, value: elapsedMs };
  const part = String(Math.min(1, elapsedMs / totalMs));
  const bar = el("progress", { max: "1", value: part, "aria-label": text });
  return { text, value: elapsedMs, node: el("span", {}, bar, ` ${text}`) };
}

const FINISHED: readonly Column<FinishedLoadtest>[] = [
  {
    title: "Started",
    cell: ({ startedAt }) => ({ text: moment(startedAt), value: startedAt }),
  },
  { title: "Preset", kind: "name", cell: ({ preset }) => preset },
  {
    title: "Verdict",
    cell: ({ verdict, stoppedBy }) =>
      mark(
        LEVELS[verdict],
        `${VERDICTS[verdict]}${stoppedBy === undefined ? "" : `, stopped by ${stoppedBy}`}`,
      ),
  },
  {
    title: "Report",
    cell: ({ id, bytes }) =>
      bytes === 0
        ? "–"
        : {
            text: id,
            node: el(
              "span",
              {},
              el(
                "a",
                { href: link(id, "report"), target: "_blank", rel: "noopener noreferrer" },
                "report",
              ),
              " ",
              el("a", { href: link(id, "result"), download: `${id}.json` }, "JSON"),
            ),
          },
  },
  {
    title: "Answers/s",
    kind: "n",
    cell: ({ answeredPerSecond }) => ({
      text: number(answeredPerSecond),
      value: answeredPerSecond ?? null,
    }),
  },
  { title: "p50", kind: "n", cell: ({ p50Ms }) => ({ text: ms(p50Ms), value: p50Ms ?? null }) },
  { title: "p99", kind: "n", cell: ({ p99Ms }) => ({ text: ms(p99Ms), value: p99Ms ?? null }) },
  {
    title: "Failed",
    kind: "n",
    cell: ({ failed }) => ({ text: number(failed), value: failed ?? null }),
  },
  { title: "Devices", cell: ({ emulated }) => (emulated === true ? "emulated" : "–") },
  {
    title: "Measured",
    kind: "n",
    cell: ({ seconds }) => ({ text: `${number(seconds)} s`, value: seconds }),
  },
  { title: "By", cell: ({ who }) => who },
  { title: "Why", kind: "text", cell: ({ why }) => why ?? "" },
];

function presetColumns(context: ViewContext): Column<LoadtestPreset>[] {
  const { snapshot, who } = context;
  const ready = new Set(
    snapshot.models.filter(({ state }) => state === "READY").map(({ name }) => name),
  );
  const absent = ({ models }: LoadtestPreset) => models.filter((model) => !ready.has(model));
  const columns: Column<LoadtestPreset>[] = [
    { title: "Preset", kind: "name", cell: ({ name }) => name },
    { title: "What it is", kind: "text", cell: ({ title }) => title },
    {
      title: "Measures",
      kind: "n",
      cell: ({ seconds }) => ({ text: `${seconds} s`, value: seconds }),
    },
    {
      title: "Models",
      kind: "text",
      cell: (preset) => {
        const missing = absent(preset);
        if (missing.length === 0) return mark("good", preset.models.join(", "));
        const here = preset.models.filter((model) => ready.has(model)).join(", ");
        return mark(
          "none",
          `not here: ${missing.join(", ")}${here === "" ? "" : `; here: ${here}`}`,
        );
      },
    },
  ];
  if (who?.may("operate") !== true) return columns;
  const start = (preset: LoadtestPreset) =>
    el(
      "button",
      {
        type: "button",
        "aria-label": `Start ${preset.name}`,
        disabled: told?.running !== undefined || absent(preset).length > 0,
        click: () => {
          set("preset", preset.name);
          drawForm(context);
          place?.form.querySelector("input")?.focus();
        },
      },
      "Start…",
    );
  const [name, ...others] = columns;
  const starting: Column<LoadtestPreset> = {
    title: "Start",
    cell: (preset) => ({ text: "", node: start(preset) }),
  };
  return name === undefined ? [] : [name, starting, ...others];
}

function drawForm(context: ViewContext): void {
  if (place === undefined) return;
  const preset = chosenOf();
  if (preset === undefined || context.who?.may("operate") !== true) {
    place.form.replaceChildren();
    return;
  }
  const seconds = el("input", {
    type: "text",
    inputmode: "decimal",
    name: "seconds",
    value: String(preset.seconds),
  }) as HTMLInputElement;
  const kind = el(
    "select",
    { name: "kind" },
    el("option", { value: "key" }, "API key"),
    el("option", { value: "token" }, "Token"),
  ) as HTMLSelectElement;
  const secret = el("input", {
    type: "password",
    name: "secret",
    autocomplete: "off",
    required: true,
  }) as HTMLInputElement;
  const said = el("p", { role: "alert" });
  const asked = context.snapshot.authenticated;
  const start = async () => {
    const body = {
      preset: preset.name,
      seconds: Number(seconds.value),
      ...(asked && { [kind.value]: secret.value }),
    };
    secret.value = "";
    const refused = await post(ASKED, body);
    if (refused === undefined) {
      set("preset", undefined);
      drawForm(context);
      void look(context);
      return;
    }
    said.className = "notice bad";
    said.textContent = refused;
  };
  place.form.replaceChildren(
    el(
      "section",
      { class: "card" },
      el("h2", {}, `Start ${preset.name}`),
      el("p", { class: "soft" }, preset.title),
      el(
        "form",
        {
          submit: (event) => {
            event.preventDefault();
            void start();
          },
        },
        el("label", {}, "Seconds to measure", seconds),
        ...(asked
          ? [
              el("label", {}, "The load asks with", kind),
              el("label", {}, "Key or token of somebody with the role infer", secret),
            ]
          : []),
        el(
          "p",
          { class: "soft" },
          "Real requests go to the port of this gateway: whoever else uses it will notice. Who started it stands in the audit log.",
        ),
        el(
          "div",
          { class: "row" },
          el("button", { type: "submit" }, "Start"),
          el(
            "button",
            {
              type: "button",
              click: () => {
                set("preset", undefined);
                drawForm(context);
              },
            },
            "Cancel",
          ),
        ),
        said,
      ),
    ),
  );
}

/** @returns why it was refused; undefined: it was not */
async function post(url: string, body: object): Promise<string | undefined> {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) }).catch(
    () => undefined,
  );
  if (answer?.ok === true) return undefined;
  const told = (await answer?.json().catch(() => undefined)) as { error?: string } | undefined;
  return told?.error ?? "the gateway does not answer";
}

function runningNow(running: RunningLoadtest, context: ViewContext): Node {
  const stop = el(
    "button",
    {
      type: "button",
      disabled: running.stopping,
      click: () =>
        void post(link(running.id, "stop"), {}).then((refused) => {
          tellTrouble(`Load test ${running.preset} goes on`, refused);
          void look(context);
        }),
    },
    running.stopping ? "Stopping" : "Stop",
  );
  const section = table(
    running.looks,
    {
      title: `Running: ${running.preset}`,
      columns: LOOKS,
      empty: running.said.at(-1) ?? "It begins.",
      more: context.who?.may("operate") === true ? [stop] : [],
    },
    "",
    () => drawLists(context),
  );
  const by = `Started by ${running.who}, ${moment(running.startedAt)}. ${running.said.at(-1) ?? ""}`;
  section.querySelector(".head")?.after(el("p", { class: "soft" }, by));
  return section;
}

function drawLists(context: ViewContext): void {
  if (place === undefined) return;
  const { lists } = place;
  const redraw = () => drawLists(context);
  const focused = focusOf(lists);
  const asides = [...lists.querySelectorAll(".scroll")].map(({ scrollLeft }) => scrollLeft);
  const { presets = [], finished = [], running, off } = told ?? {};
  lists.replaceChildren(
    ...(context.frozen
      ? [el("p", { class: "soft" }, "Load tests are no part of a snapshot: these are of now.")]
      : []),
    ...(trouble === undefined ? [] : [el("p", { class: "notice warn", role: "alert" }, trouble)]),
    ...(off === undefined
      ? []
      : [el("p", { class: "notice warn" }, `None can be started: ${off}.`)]),
    ...(running === undefined ? [] : [runningNow(running, context)]),
    table(
      finished,
      {
        title: "Last load tests",
        columns: FINISHED,
        empty: "None was run yet.",
      },
      context.find,
      redraw,
    ),
    ...(off === undefined
      ? [
          table(
            presets,
            {
              title: "Presets",
              columns: presetColumns(context),
              empty: told === undefined ? "They are being read." : "There are none.",
            },
            context.find,
            redraw,
          ),
        ]
      : []),
  );
  for (const [at, scroll] of [...lists.querySelectorAll(".scroll")].entries())
    scroll.scrollLeft = asides[at] ?? 0;
  focused?.();
}

async function look(context: ViewContext): Promise<void> {
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(ASKED);
    const body = (await answer.json()) as LoadtestOverview & { readonly error?: string };
    if (!answer.ok) throw new Error(body.error ?? `status ${answer.status}`);
    const isFirst = told === undefined;
    told = body;
    trouble = undefined;
    if (isFirst) drawForm(context);
  } catch (thrown) {
    trouble = thrown instanceof Error ? thrown.message : String(thrown);
  } finally {
    asking = false;
  }
  // They are drawn with the next answer then.
  if (place === undefined || !isBusy(place.lists)) drawLists(context);
}

export const loadtests: View = {
  name: "loadtests",
  title: "Load tests",
  ofNow: true,
  draw: (context) => {
    place = { form: el("div"), lists: el("div") };
    drawForm(context);
    drawLists(context);
    void look(context);
    return [place.form, place.lists];
  },
  update: (context) => void look(context),
};
