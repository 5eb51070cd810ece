/** A registered model for people. */
import type {
  CatalogArtifact,
  CatalogModel,
  CatalogVersion,
  SignedVerdict,
} from "../../registry/catalog/types.ts";
import { paint } from "../paint.ts";
import { printable, table } from "../table.ts";
import { classText } from "./class-syntax.ts";
import { verdictText } from "./verdict-text.ts";
import { aliasWords, bytesText, colourOf } from "./words.ts";

const LONGEST_FACT = 160;

/** Lines with a final newline. */
export function modelText(
  model: CatalogModel,
  generation: number,
  verdicts: Readonly<Record<string, SignedVerdict>>,
  colour: boolean,
): string {
  const aliases = Object.entries(model.aliases).map(
    ([alias, { version, ...shares }]) => `${aliasWords({ alias, ...shares })} → ${version}`,
  );
  const head = fields([
    ["model", model.name],
    ["generation", String(generation)],
    ["aliases", aliases.join(", ") || "none"],
  ]);
  const versions = Object.values(model.versions)
    .toSorted((a, b) => Number(a.version) - Number(b.version))
    .map((version) => versionText(model, version, verdicts, colour));
  return `${[head, ...versions, historyText(model)].join("\n\n")}\n`;
}

function versionText(
  { name }: CatalogModel,
  { version, equivalence, golden, reference, files = {}, artifacts }: CatalogVersion,
  verdicts: Readonly<Record<string, SignedVerdict>>,
  colour: boolean,
): string {
  const outputs = Object.entries(equivalence.outputs ?? {});
  const classes = [
    classText(equivalence.class),
    ...outputs.map(([output, one]) => `${output}=${classText(one)}`),
  ];
  const seed = golden?.seed === undefined ? "" : `, seed ${golden.seed}`;
  const head = fields([
    ["class", classes.join(" ")],
    ["golden vectors", golden ? `${golden.rows} rows, ${golden.source}${seed}` : "none"],
    ["reference", reference ?? (golden ? "the golden outputs as they were given" : "none yet")],
    ...Object.entries(files).map(([path, digest]): Field => [`file ${path}`, digest]),
  ]);
  const shown = artifacts.map((artifact) => artifactText(artifact, verdicts, colour));
  return [`${printable(`${name}:${version}`)}\n${head}`, ...shown].join("\n\n");
}

function artifactText(
  artifact: CatalogArtifact,
  verdicts: Readonly<Record<string, SignedVerdict>>,
  colour: boolean,
): string {
  const { state, reason, pinned, signature } = artifact;
  const facts = Object.entries(artifact.facts).map(
    ([fact, value]): Field => [fact, shortened(value)],
  );
  const told = fields(
    [
      ["state", state],
      ...(reason === undefined ? [] : ([["reason", reason]] as Field[])),
      ["digest", artifact.digest],
      ["file", `${artifact.file} (${artifact.format}, ${bytesText(artifact.sizeBytes)})`],
      ["platform", `${artifact.platform} (${artifact.backend})`],
      ["numeric class", artifact.numericClass],
      ...(artifact.equivalence === undefined
        ? []
        : ([["class", classText(artifact.equivalence.class)]] as Field[])),
      ["signature", signature === undefined ? "none" : `by ${signature.keyId}`],
      ...(pinned === undefined
        ? []
        : ([["pinned", `by ${pinned.by} at ${pinned.at} ${pinned.note}`.trimEnd()]] as Field[])),
      ["registered", `by ${artifact.registeredBy} at ${artifact.registeredAt}`],
      ...facts,
    ],
    (cell) => (cell === state ? paint(cell, colourOf(state), colour) : cell),
  );
  const checks = table(
    ["CHECK", "OUTCOME", "REASON"],
    artifact.checks.map(({ check, outcome, reason: why, remedy }) =>
      [check, outcome, remedy === undefined ? why : `${why}; ${remedy}`].map(String),
    ),
    (cell, column) => (column === 1 ? paint(cell, colourOf(cell.trimEnd()), colour) : cell),
  );
  const verdict = verdicts[artifact.verdict ?? ""];
  return [
    `artifact ${printable(`${artifact.variant} of ${artifact.vendor}`)}\n${told}`,
    checks,
    ...(verdict === undefined ? [] : [verdictText(verdict, colour).trimEnd()]),
  ].join("\n\n");
}

/** A fact may be a list of a hundred memory banks. */
function shortened(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text.length <= LONGEST_FACT) return text;
  return `${text.slice(0, LONGEST_FACT)}… (${text.length} characters; all of them with -o json)`;
}

function historyText({ aliasHistory }: CatalogModel): string {
  const rows = aliasHistory
    .toReversed()
    .map(({ alias, version, at, by, ...shares }) => [
      aliasWords({ alias, ...shares }),
      version,
      at,
      by,
    ]);
  if (rows.length === 0) return "aliases before: none";
  return `aliases before, newest first\n${table(["ALIAS", "VERSION", "AT", "BY"], rows)}`;
}

type Field = readonly [name: string, value: string];

function fields(rows: readonly Field[], painted?: (cell: string) => string): string {
  return table(
    ["FIELD", "VALUE"],
    rows.map((row) => row.map(String)),
    painted,
  );
}
