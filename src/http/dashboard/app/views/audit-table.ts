/** Who did what, newest first: lines of an audit log as a table. */
import { instant } from "../clock.ts";
import { type Column, table } from "../table.ts";
import type { ViewContext } from "./view.ts";

export interface AuditRow {
  /** ISO 8601 */
  readonly at: string;
  readonly who: string;
  readonly action: string;
  readonly details: string;
  /** That the action made. */
  readonly generation?: number | undefined;
}

const COLUMNS: readonly Column<AuditRow>[] = [
  { title: "When", cell: ({ at }) => ({ text: instant(new Date(at)), value: at }) },
  { title: "Who", kind: "name", cell: ({ who }) => who },
  { title: "Did", cell: ({ action }) => action },
  {
    title: "What",
    kind: "text",
    cell: ({ details }) => ({ text: shortened(details) || "–", value: details }),
  },
  {
    title: "Generation",
    kind: "n",
    cell: ({ generation }) => ({ text: String(generation ?? "–"), value: generation ?? null }),
  },
];

/** Whole digests are in the file. */
const shortened = (details: string) =>
  details.replace(/\bsha256:([\da-f]{12})[\da-f]{52}\b/g, "$1…");

/** Lines that were written after a frozen moment are left out. */
export function auditTable(
  rows: readonly AuditRow[],
  find: string,
  { snapshot, frozen, redraw }: ViewContext,
): HTMLElement {
  const then = Date.parse(snapshot.at);
  const shown = frozen ? rows.filter(({ at }) => Date.parse(at) <= then) : rows;
  return table(
    shown,
    { title: "Audit", columns: COLUMNS, empty: "Nobody changed anything yet." },
    find,
    redraw,
  );
}
