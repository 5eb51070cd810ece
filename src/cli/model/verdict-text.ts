/** A verdict for people: what was compared, the worst rows, and how the errors are spread. */
import type { OutputErrors } from "../../policy/equivalence/types.ts";
import type { SignedVerdict } from "../../registry/catalog/types.ts";
import { paint } from "../paint.ts";
import { printable, table } from "../table.ts";
import { classText } from "./class-syntax.ts";
import { number } from "./words.ts";

const MOST_WORST = 5;
const BAR = 40;

/** Lines with a final newline. */
export function verdictText({ verdict, signature }: SignedVerdict, colour: boolean): string {
  const { device, batchInvariance, physics } = verdict;
  const outcome = verdict.passed ? "passed" : `failed: ${verdict.failedCheck ?? ""}`;
  const rows: [string, string][] = [
    ["verdict", outcome],
    ...(verdict.reason === undefined ? [] : [["reason", verdict.reason] as [string, string]]),
    ["device", `${device.id} (${device.platform}${device.emulated ? ", emulated" : ""})`],
    ["rows", String(verdict.rows)],
    ["reference", verdict.reference],
    ["batch invariance", invarianceText(batchInvariance)],
    ...(physics === undefined ? [] : [["physics", physicsText(physics)] as [string, string]]),
    ["software", verdict.software],
    ["at", `${verdict.at}, took ${number(verdict.tookMs)} ms`],
    ["signed by", signature.keyId],
  ];
  const head = table(["FIELD", "VALUE"], rows, (cell, column) =>
    column === 1 && cell === outcome ? paint(cell, verdict.passed ? "green" : "red", colour) : cell,
  );
  return [head, ...verdict.outputs.map(outputText)].join("\n\n").concat("\n");
}

function outputText(output: OutputErrors): string {
  const { name, datatype, failing, differing, elements, maxAbs, maxRel, maxUlp } = output;
  const lines = [
    `output ${name} (${datatype}, ${classText(output.class)}): ${output.passed ? "passed" : "failed"}`,
    `  ${differing} of ${elements} elements differ, ${failing} are outside the class`,
    `  largest errors: ${number(maxAbs)} absolute, ${number(maxRel)} relative, ${number(maxUlp)} ulp`,
  ].map(printable);
  const worst = output.worst.slice(0, MOST_WORST);
  const found = worst.map(({ row, element, got, expected, error }) =>
    [row, element, number(got), number(expected), number(error)].map(String),
  );
  return [
    ...lines,
    ...histogramLines(output.histogram),
    ...(worst.length === 0
      ? []
      : [indented(table(["ROW", "ELEMENT", "GOT", "EXPECTED", "ERROR"], found))]),
  ].join("\n");
}

/** One bar a class of errors; empty ones at the end are left out. */
function histogramLines({ unit, edges, counts }: OutputErrors["histogram"]): readonly string[] {
  const last = counts.findLastIndex((count) => count > 0);
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  const rows = counts.slice(0, last + 1).map((count, at) => {
    const edge = edges[at];
    const limit = edge === undefined ? `> ${number(edges.at(-1))}` : `≤ ${number(edge)}`;
    // A bar for the logarithm: one wrong element among millions has to be seen.
    const length = count === 0 ? 0 : Math.ceil((BAR * Math.log2(count + 1)) / Math.log2(most + 1));
    return [`${limit} ${unit}`, String(count), "#".repeat(length)];
  });
  return rows.length === 0 ? [] : [indented(table(["ERROR", "ELEMENTS", ""], rows))];
}

function invarianceText({ invariant, cases }: SignedVerdict["verdict"]["batchInvariance"]): string {
  if (invariant) return "every bit the same in every batch";
  const told = cases
    .filter(({ differing }) => differing > 0)
    .map(({ arrangement, rows, compared, differing, failing }) => {
      const outside = failing > 0 ? `, ${failing} outside the class` : "";
      return `${arrangement} (${rows} rows): ${differing} of ${compared} differ${outside}`;
    });
  return told.join("; ") || "not measured";
}

function physicsText(physics: NonNullable<SignedVerdict["verdict"]["physics"]>): string {
  const { agreement, flipped, efficiency, referenceEfficiency, auc, referenceAuc } = physics;
  const area = auc === undefined ? "" : `, AUC ${number(auc)} (reference ${number(referenceAuc)})`;
  return (
    `agreement ${number(agreement)}, ${flipped} decisions flipped, ` +
    `efficiency ${number(efficiency)} (reference ${number(referenceEfficiency)})${area}`
  );
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
