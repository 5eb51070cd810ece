/**
 * The audit log is written after the commit that it tells of. Who dies in between leaves a record without
 * a line: the record says itself who made it (change-note.ts), and the next process that starts writes the line.
 */
import type { AppendLog, Records } from "../../store/store.ts";
import { auditEntryOf } from "./change-note.ts";
import type { AuditEntry, CatalogModel } from "./types.ts";

/** Everything that was committed before is in the audit log. */
export interface AuditCheckpoint {
  readonly until: string;
}

/** So long a living process may take from its commit to the line; where it takes longer, two lines say the same, and readers see one. */
export const ON_ITS_WAY_MS = 10_000;
/** So far apart the clocks of machines may be. */
const SKEW_MS = 600_000;

const CHECKPOINT = "checkpoint";

/**
 * @param nowMs wall clock
 * @returns how many lines were missing
 */
export async function completeAudit(
  records: Records<CatalogModel>,
  checkpoints: Records<AuditCheckpoint>,
  log: AppendLog,
  nowMs: number,
): Promise<number> {
  const checkpoint = checkpoints.get(CHECKPOINT);
  const since = Date.parse(checkpoint?.value?.until ?? "") || 0;
  const from = new Date(Math.max(0, since - SKEW_MS)).toISOString();
  const until = new Date(Math.max(0, nowMs - ON_ITS_WAY_MS)).toISOString();
  // Nothing was committed since then that was not looked at.
  if (since > 0 && [...records.all.values()].every(({ at }) => at < from)) return 0;
  const missing = await committedBetween(records, from, until);
  await takeOffWritten(missing, log, from);
  const lines = [...missing.values()].toSorted((a, b) => (a.at < b.at ? -1 : 1));
  const writtenAt = new Date(nowMs).toISOString();
  for (const entry of lines) await log.append({ ...entry, writtenAt });
  // Another process that starts at the same time may be first: what it says is as true.
  await checkpoints
    .commit(CHECKPOINT, checkpoint?.generation ?? 0, { until })
    .catch(() => undefined);
  return lines.length;
}

async function committedBetween(
  records: Records<CatalogModel>,
  from: string,
  until: string,
): Promise<Map<string, AuditEntry>> {
  const entries = new Map<string, AuditEntry>();
  for (const [name, newest] of records.all) {
    if (newest.at < from) continue;
    const generations = newest.generation > 1 ? await records.history(name) : [];
    for (const one of [newest, ...generations]) {
      const entry = one.at < from || one.at >= until ? undefined : auditEntryOf(name, one);
      if (entry !== undefined) entries.set(keyOf(entry), entry);
    }
  }
  return entries;
}

async function takeOffWritten(missing: Map<string, AuditEntry>, log: AppendLog, from: string) {
  if (missing.size === 0) return;
  for await (const line of log.newestFirst()) {
    const entry = line as Partial<AuditEntry>;
    missing.delete(keyOf(entry));
    // A line that was completed late lies behind newer ones.
    if (missing.size === 0 || (entry.writtenAt ?? entry.at ?? from) < from) return;
  }
}

/** What says that two lines tell of the same change; a store that was restored counts some numbers again. */
export function keyOf({ model, generation, at }: Partial<AuditEntry>): string {
  return `${generation} ${at} ${model}`;
}
