/** Who did what, kept beside the record that it made, so that the audit log can be completed from it. */
import type { Versioned } from "../../store/store.ts";
import type { AuditEntry, CatalogModel, Digest } from "./types.ts";

/** What a change of the catalog is called in the audit log. */
export interface ChangeAction {
  /** E.g. `register`, `promote`. */
  readonly action: string;
  readonly version?: string;
  readonly artifact?: Digest;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface ChangeNote extends ChangeAction {
  readonly who: string;
}

/** undefined: a record without a note is none of the catalog's changes. */
export function auditEntryOf(
  model: string,
  { generation, at, note }: Versioned<CatalogModel>,
): AuditEntry | undefined {
  if (!isNote(note)) return undefined;
  const { who, action, version, artifact, details } = note;
  return {
    at,
    who,
    action,
    model,
    ...(version === undefined ? {} : { version }),
    ...(artifact === undefined ? {} : { artifact }),
    generation,
    ...(details === undefined ? {} : { details }),
  };
}

function isNote(note: object | undefined): note is ChangeNote {
  if (note === undefined) return false;
  const { who, action } = note as Partial<ChangeNote>;
  return typeof who === "string" && typeof action === "string";
}
