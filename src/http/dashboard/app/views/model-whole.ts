/** All about one model: its aliases, artifacts with what the gate found, batches, devices, drift, history. */
import type {
  BatchShare,
  DriftFigures,
  ModelFigures,
  ModelOnDevice,
  VariantFigures,
} from "../../../../inference/dashboard-report.ts";
import type {
  AuditEntry,
  CatalogArtifact,
  CatalogModel,
} from "../../../../registry/catalog/types.ts";
import { el } from "../dom.ts";
import { moment, ms, number, percent } from "../format.ts";
import { type Known, knownModel } from "../registry/records.ts";
import { askedText, detailsText, gateMark, shortDigest, stateMark } from "../registry/words.ts";
import { type Cell, type Column, table } from "../table.ts";
import { type AuditRow, auditTable } from "./audit-table.ts";
import { dropAlias, pin, promote, retire, rollBack, type Which } from "./change-model.ts";
import { bar, mark } from "./marks.ts";
import { openVerdict } from "./verdict.ts";
import type { ViewContext } from "./view.ts";

export function modelWhole(name: string, context: ViewContext): readonly Node[] {
  const { snapshot, redraw } = context;
  const models = snapshot.models.filter((model) => model.name === name);
  const told = knownModel(name, snapshot.registryGeneration, redraw);
  const known = told?.value;
  const of = `{model=${JSON.stringify(name)}}`;
  const drift = snapshot.drift.filter(({ model }) => model === name);
  return [
    head(name, known, context),
    ...(context.frozen && told !== undefined && known?.record !== undefined
      ? [el("p", { class: "soft" }, askedText(told.askedAt))]
      : []),
    ...(known?.record === undefined ? [] : [aliasesOf(known.record.model, context)]),
    artifactsOf(name, known?.record?.model, context),
    table(
      batchRows(models),
      {
        title: "Batch sizes",
        columns: BATCHES,
        empty: "No batch ran in the last seconds.",
        promql: `rate(nv_inference_count${of}[1m]) / rate(nv_inference_exec_count${of}[1m])`,
      },
      "",
      redraw,
    ),
    table(
      deviceRows(models),
      {
        title: "Computed by",
        columns: DEVICES,
        empty: "No device has answered a request of it.",
        promql: `sum by (device) (rate(beamgate_request_seconds_count${of}[1m]))`,
      },
      "",
      redraw,
    ),
    ...(drift.length === 0
      ? []
      : [
          table(
            drift,
            {
              title: "Drift: live requests computed once more",
              columns: DRIFT,
              empty: "",
              promql: `rate(beamgate_shadow_failing_rows_total${of}[10m])`,
            },
            "",
            redraw,
          ),
        ]),
    ...(known?.record === undefined ? [] : [auditTable(known.audit.map(auditRow), "", context)]),
  ];
}

function head(
  name: string,
  known: Known | undefined,
  { snapshot, who, redraw }: ViewContext,
): Node {
  const model = known?.record?.model;
  const may = who?.may("register") === true;
  const button = (text: string, press: () => void, disabled = false) =>
    el("button", { type: "button", click: press, disabled }, text);
  const said =
    snapshot.registryGeneration === undefined
      ? "This gateway keeps no registry: what serves comes from folders."
      : known === undefined
        ? "The registry is asked…"
        : model === undefined
          ? "Nobody registered it: it comes from a folder."
          : `Generation ${known.record?.generation} of its record.${may ? "" : " Changes need the role register."}`;
  const actions =
    model === undefined || !may
      ? []
      : [
          button("Promote…", () => promote(name, redraw)),
          button("Roll back…", () => rollBack(name, redraw), model.aliasHistory.length === 0),
        ];
  return el(
    "div",
    { class: "whole" },
    el("h2", { title: name }, name),
    el("span", { class: "soft" }, said),
    el("div", { class: "more" }, ...actions),
  );
}

// Aliases --------------------------------------------------------------------------

interface AliasRow {
  readonly alias: string;
  readonly version: string;
  readonly weight?: number;
  readonly shadowShare?: number;
  readonly before: string;
}

const ROLES: Readonly<Record<string, string>> = {
  production: "takes requests that name no version",
  candidate: "canary",
};

function aliasesOf(model: CatalogModel, { who, redraw }: ViewContext): Node {
  const rows = Object.entries(model.aliases).map(([alias, to]): AliasRow => {
    const last = model.aliasHistory.findLast((change) => change.alias === alias);
    const before =
      last === undefined ? "–" : `${last.version}, until ${moment(last.at)} (${last.by})`;
    // As it is counted: what the candidate does not take.
    const rest = alias === "production" && {
      weight: 1 - (model.aliases["candidate"]?.weight ?? 0),
    };
    return { alias, ...to, ...rest, before };
  });
  const columns: Column<AliasRow>[] = [
    { title: "Alias", kind: "name", cell: ({ alias }) => alias },
    { title: "Version", cell: ({ version }) => version },
    { title: "Is", cell: ({ alias }) => ROLES[alias] ?? "for those who name it" },
    { title: "Share of requests", kind: "bar", cell: ({ weight }) => bar(weight) },
    {
      title: "Shadow",
      kind: "n",
      cell: ({ shadowShare }) => ({ text: percent(shadowShare), value: shadowShare ?? null }),
    },
    { title: "Before", kind: "text", cell: ({ before }) => before },
  ];
  if (who?.may("register") === true) {
    columns.push({
      title: "Change",
      cell: ({ alias }) => ({
        text: "",
        node: el(
          "button",
          { type: "button", click: () => dropAlias(model.name, alias, redraw) },
          `Drop ${alias}…`,
        ),
      }),
    });
  }
  const promql = `beamgate_alias_share{model=${JSON.stringify(model.name)}}`;
  return table(rows, { title: "Aliases", columns, empty: "None.", promql }, "", redraw);
}

// Artifacts ------------------------------------------------------------------------

/** What was registered, what serves, or both. */
interface ArtifactRow {
  readonly version: string;
  readonly registered?: CatalogArtifact;
  readonly here?: VariantFigures;
}

function artifactRows(
  name: string,
  model: CatalogModel | undefined,
  here: readonly VariantFigures[],
) {
  const left = new Set(here.filter((each) => each.model === name));
  const rows: ArtifactRow[] = [];
  for (const { version, artifacts } of Object.values(model?.versions ?? {})) {
    for (const registered of artifacts) {
      const serving = [...left].find(
        (each) =>
          each.version === version &&
          each.variant === registered.variant &&
          (each.digest === undefined || each.digest === registered.digest),
      );
      if (serving !== undefined) left.delete(serving);
      rows.push({ version, registered, ...(serving === undefined ? {} : { here: serving }) });
    }
  }
  for (const serving of left) rows.push({ version: serving.version, here: serving });
  return rows.sort((one, other) => Number(other.version) - Number(one.version));
}

function artifactsOf(name: string, model: CatalogModel | undefined, context: ViewContext): Node {
  const { snapshot, who, redraw } = context;
  const columns = [...ARTIFACTS];
  if (model !== undefined && who?.may("register") === true) {
    columns.push({
      title: "Change",
      cell: (row) => ({ text: "", node: actionsOf(model, row, redraw) }),
    });
  }
  const empty = "No artifact is known: an ensemble has none of its own.";
  const rows = artifactRows(name, model, snapshot.variants);
  const promql = `sum by (version, variant) (rate(beamgate_usage_requests_total{model=${JSON.stringify(name)}}[1m]))`;
  return table(rows, { title: "Artifacts", columns, empty, promql }, "", redraw);
}

function actionsOf(
  model: CatalogModel,
  { version, registered }: ArtifactRow,
  redraw: () => void,
): Node {
  if (registered === undefined) return el("span", {}, "–");
  const { vendor, digest, variant } = registered;
  const which: Which = { name: model.name, version, vendor, digest, variant };
  const about = `${variant} ${version}`;
  const retired = registered.state === "retired";
  return el(
    "span",
    { class: "row" },
    el(
      "button",
      { type: "button", click: () => pin(which, redraw), "aria-label": `Pin or unpin ${about}` },
      registered.pinned === undefined ? "Pin…" : "Unpin…",
    ),
    el(
      "button",
      {
        type: "button",
        disabled: retired,
        click: () => retire(which, redraw),
        "aria-label": `Retire ${about}`,
      },
      "Retire…",
    ),
  );
}

const ARTIFACTS: readonly Column<ArtifactRow>[] = [
  { title: "Version", cell: ({ version }) => version },
  {
    title: "Variant",
    kind: "name",
    cell: ({ registered, here }) => registered?.variant ?? here?.variant ?? "–",
  },
  { title: "Vendor", cell: ({ registered, here }) => registered?.vendor ?? here?.vendor ?? "–" },
  { title: "State", cell: ({ registered }) => stateMark(registered?.state ?? "served") },
  { title: "Serves on", cell: ({ here }) => servesOn(here) },
  {
    title: "Requests/s",
    kind: "n",
    cell: ({ here }) => ({
      text: number(here?.requestsPerSecond),
      value: here?.requestsPerSecond ?? null,
    }),
  },
  { title: "Gate", cell: (row) => gateCell(row) },
  {
    title: "In batches",
    cell: ({ registered }) => {
      const { verdictSummary } = registered ?? {};
      if (verdictSummary === undefined) return "–";
      return verdictSummary.batchInvariant ? "same bits" : "bits differ";
    },
  },
  {
    title: "Class",
    cell: ({ registered, here }) => registered?.numericClass ?? here?.numericClass ?? "–",
  },
  {
    title: "Platform",
    kind: "name",
    cell: ({ registered, here }) => platformOf(registered) ?? here?.platform ?? "–",
  },
  {
    title: "SHA-256",
    cell: ({ registered, here }) => {
      const digest = registered?.digest ?? here?.digest;
      return {
        text: shortDigest(digest),
        node: el("code", { title: digest ?? "" }, shortDigest(digest)),
      };
    },
  },
  {
    title: "Pinned",
    cell: ({ registered }) =>
      registered?.pinned === undefined ? "–" : `by ${registered.pinned.by}`,
  },
  {
    title: "Why",
    kind: "text",
    cell: ({ registered, here }) => registered?.reason ?? here?.absent ?? "–",
  },
];

/** What was refused before anybody knew its platform stands under its digest. */
const platformOf = (artifact: CatalogArtifact | undefined) =>
  artifact?.platform === artifact?.digest ? undefined : artifact?.platform;

function servesOn(here: VariantFigures | undefined): Cell {
  if (here === undefined) return { text: "–" };
  if (here.absent !== undefined) return mark("none", "no device here");
  const text = here.devices.join(", ");
  if (text === "") return mark("none", "waits for a device");
  return {
    text: here.emulated ? `${text} emulated` : text,
    node: el(
      "span",
      {},
      text,
      here.emulated ? el("span", { class: "tag" }, "emulated") : undefined,
    ),
  };
}

function gateCell({ registered }: ArtifactRow): Cell {
  if (registered === undefined) return { text: "not registered" };
  const { verdict, verdictSummary } = registered;
  const cell = gateMark(verdictSummary);
  if (verdict === undefined) return cell;
  const open = el(
    "button",
    {
      ...{ type: "button", class: "plain", title: "Errors by output" },
      click: () => openVerdict(verdict),
    },
    cell.node ?? cell.text,
  );
  return { ...cell, node: open };
}

// Figures --------------------------------------------------------------------------

type BatchRow = BatchShare & { readonly version: string; readonly above: number };

const batchRows = (models: readonly ModelFigures[]): BatchRow[] =>
  models.flatMap(({ version, batches = [] }) =>
    batches.map((batch) => ({ ...batch, version, above: batch.upToRows / 2 })),
  );

const BATCHES: readonly Column<BatchRow>[] = [
  { title: "Version", cell: ({ version }) => version },
  {
    title: "Rows",
    kind: "n",
    cell: ({ upToRows, above }) => ({
      text: above + 1 >= upToRows ? String(upToRows) : `${above + 1} to ${upToRows}`,
      value: upToRows,
    }),
  },
  { title: "Part of the executions", kind: "bar", cell: ({ share }) => bar(share) },
];

type DeviceRow = ModelOnDevice & { readonly version: string };

const deviceRows = (models: readonly ModelFigures[]): DeviceRow[] =>
  models.flatMap(({ version, devices }) => devices.map((device) => ({ ...device, version })));

const time = (value: number | undefined): Cell => ({ text: ms(value), value: value ?? null });
const count = (value: number): Cell => ({ text: number(value), value });

const DEVICES: readonly Column<DeviceRow>[] = [
  { title: "Version", cell: ({ version }) => version },
  { title: "Device", kind: "name", cell: ({ device }) => device || "none" },
  { title: "Requests/s", kind: "n", cell: ({ requestsPerSecond }) => count(requestsPerSecond) },
  { title: "p50", kind: "n", cell: ({ p50Ms }) => time(p50Ms) },
  { title: "p99", kind: "n", cell: ({ p99Ms }) => time(p99Ms) },
  { title: "p99.9", kind: "n", cell: ({ p999Ms }) => time(p999Ms) },
  { title: "Requests", kind: "n", cell: ({ requests }) => count(requests) },
];

const DRIFT: readonly Column<DriftFigures>[] = [
  { title: "Version", cell: ({ version }) => version },
  { title: "Variant", cell: ({ variant }) => variant },
  {
    title: "State",
    cell: ({ rows, failingRows, demotions }) =>
      demotions > 0
        ? mark("bad", "demoted")
        : failingRows > 0
          ? mark("warn", "some outside its class")
          : mark(rows > 0 ? "good" : "none", rows > 0 ? "within its class" : "nothing compared"),
  },
  { title: "Rows compared", kind: "n", cell: ({ rows }) => count(rows) },
  { title: "Outside", kind: "n", cell: ({ failingRows }) => count(failingRows) },
  { title: "Decisions flipped", kind: "n", cell: ({ decisionFlips }) => count(decisionFlips) },
  {
    title: "Largest error",
    cell: ({ errors }) =>
      errors
        .map(({ unit, atMost }) =>
          atMost === undefined
            ? `beyond all bounds (${unit})`
            : `at most ${number(atMost)} ${unit}`,
        )
        .join("; ") || "–",
  },
  { title: "Dropped", kind: "n", cell: ({ droppedRows }) => count(droppedRows) },
  { title: "Not computed", kind: "n", cell: ({ failedRows }) => count(failedRows) },
];

function auditRow({ at, who, action, version, generation, details = {} }: AuditEntry): AuditRow {
  const about = { ...(version !== undefined && { version }), ...details };
  return { at, who, action, generation, details: detailsText(about) };
}
