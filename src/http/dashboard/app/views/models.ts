/** Models and their versions: what they do now, and why some do not serve. */
import type { ModelFigures } from "../../../../inference/dashboard-report.ts";
import type { ListedArtifact } from "../../../registry/listed.ts";
import { el } from "../dom.ts";
import { ms, number } from "../format.ts";
import { setting } from "../place.ts";
import { listedArtifacts } from "../registry/records.ts";
import { aliasText, askedText, gateMark, shortDigest, stateMark } from "../registry/words.ts";
import { type Cell, type Column, table } from "../table.ts";
import { type Level, mark } from "./marks.ts";
import { modelWhole } from "./model-whole.ts";
import { showVerdictOf } from "./verdict.ts";
import type { View, ViewContext } from "./view.ts";

/** A registry may have ten thousand. */
const MOST_ROWS = 200;

const LEVELS: Readonly<Record<string, Level>> = {
  READY: "good",
  LOADING: "warn",
  UNLOADING: "warn",
  UNAVAILABLE: "bad",
};
const rate = (value: number): Cell => ({ text: number(value), value });
const time = (value: number | undefined): Cell => ({ text: ms(value), value: value ?? null });

/** Its name leads to all about it. */
const nameCell = ({ linkTo }: ViewContext, name: string): Cell => ({
  text: name,
  node: el("a", { href: linkTo("models", name) }, name),
});

const columnsOf = (context: ViewContext): readonly Column<ModelFigures>[] => [
  { title: "Model", kind: "name", cell: ({ name }) => nameCell(context, name) },
  { title: "Version", cell: ({ version }) => version },
  {
    title: "State",
    cell: ({ state, reason }) =>
      mark(reason === "unloaded" ? "none" : (LEVELS[state] ?? "none"), state),
  },
  { title: "Requests/s", kind: "n", cell: ({ requestsPerSecond }) => rate(requestsPerSecond) },
  { title: "Rows/s", kind: "n", cell: ({ rowsPerSecond }) => rate(rowsPerSecond) },
  { title: "Failures/s", kind: "n", cell: ({ failuresPerSecond }) => rate(failuresPerSecond) },
  { title: "p50", kind: "n", cell: ({ p50Ms }) => time(p50Ms) },
  { title: "p99", kind: "n", cell: ({ p99Ms }) => time(p99Ms) },
  { title: "p99.9", kind: "n", cell: ({ p999Ms }) => time(p999Ms) },
  { title: "Queue", kind: "n", cell: ({ queueMs }) => time(queueMs) },
  { title: "Compute", kind: "n", cell: ({ computeMs }) => time(computeMs) },
  {
    title: "Rows a batch",
    kind: "n",
    cell: ({ batchRows }) => ({ text: number(batchRows), value: batchRows ?? null }),
  },
  { title: "Waiting", kind: "n", cell: ({ waiting }) => rate(waiting) },
  { title: "Requests", kind: "n", cell: ({ requests }) => rate(requests) },
  { title: "Failed, by reason", cell: ({ failures }) => failuresOf(failures) },
  { title: "Why", kind: "text", cell: ({ reason }) => reason },
];

function failuresOf(failures: ModelFigures["failures"]): string {
  const some = Object.entries(failures).filter(([, count]) => count > 0);
  return some.map(([reason, count]) => `${count} ${reason.toLowerCase()}`).join(", ") || "–";
}

const artifactColumns = (context: ViewContext): readonly Column<ListedArtifact>[] => [
  { title: "Model", kind: "name", cell: ({ name }) => nameCell(context, name) },
  { title: "Version", cell: ({ version }) => version },
  {
    title: "Aliases",
    cell: ({ aliases = [] }) =>
      aliases.map(({ alias, ...shares }) => aliasText(alias, shares)).join(", ") || "–",
  },
  { title: "Vendor", cell: ({ vendor }) => vendor },
  { title: "Variant", cell: ({ variant }) => variant },
  { title: "State", cell: ({ state }) => stateMark(state) },
  { title: "Gate", cell: ({ verdict }) => gateMark(verdict) },
  { title: "Platform", kind: "name", cell: ({ platform }) => platform },
  { title: "Class", cell: ({ numericClass }) => numericClass },
  { title: "SHA-256", cell: ({ digest }) => shortDigest(digest) },
  { title: "Pinned", cell: ({ pinnedBy }) => pinnedBy ?? "–" },
  { title: "Why", kind: "text", cell: ({ reason }) => reason ?? "–" },
];

/** Of all models, registered or served from folders. */
function registry(context: ViewContext): readonly Node[] {
  const { snapshot, find, frozen, redraw } = context;
  const told = listedArtifacts("", snapshot.registryGeneration, redraw);
  if (told === undefined) return [];
  const all = told.value;
  const wanted = find.toLowerCase();
  const meant = all.filter(({ name, vendor, variant, state, platform }) =>
    [name, vendor, variant, state, platform].some((text) => text.toLowerCase().includes(wanted)),
  );
  const left = meant.length - MOST_ROWS;
  const more = left > 0 ? [el("span", {}, `${left} more: search for them`)] : [];
  return [
    ...(frozen ? [el("p", { class: "soft" }, askedText(told.askedAt))] : []),
    table(
      meant,
      {
        ...{ title: "Registry", columns: artifactColumns(context), more, most: MOST_ROWS },
        promql: "beamgate_alias_share",
        empty: all.length === 0 ? "Nothing is registered yet." : "Nothing of that name.",
      },
      "",
      redraw,
    ),
  ];
}

/** What is registered and serves nowhere here can be looked at, too. */
function isRegistered(model: string, { snapshot, redraw }: ViewContext): boolean {
  if (model === "") return false;
  const told = listedArtifacts("", snapshot.registryGeneration, redraw);
  return told?.value.some(({ name }) => name === model) === true;
}

export const models: View = {
  name: "models",
  title: "Models",
  draw: (context) => {
    const { snapshot, find, redraw } = context;
    const list = table(
      snapshot.models,
      {
        title: "Models",
        columns: columnsOf(context),
        empty: "No model is known: name a repository (--model-repository).",
        promql: "sum by (model, version) (rate(nv_inference_request_success[1m]))",
      },
      find,
      redraw,
    );
    showVerdictOf(setting("verdict"));
    const isOne = snapshot.models.some(({ name }) => name === find) || isRegistered(find, context);
    return isOne ? [list, ...modelWhole(find, context)] : [list, ...registry(context)];
  },
};
