/**
 * The audit log is written after the commit that it tells of. What a process that died in between left out, or a
 * full disk, is written from the record: its note is the line.
 */
import type { AppendLog, Records, Versioned } from "../store/store.ts";

/** Of a change; a line of the audit has its generation, too. */
export interface ChangeLine {
  /** ISO 8601. */
  readonly at: string;
  readonly who: string;
  readonly action: string;
}

/** @param until ISO 8601: what was committed later may be on its way. @returns how many lines were missing */
export async function completeTenancyAudit(
  records: Pick<Records<unknown>, "all" | "history">,
  log: Pick<AppendLog, "append" | "newestFirst">,
  until: string,
): Promise<number> {
  const missing = new Map<string, object>();
  for (const [key, newest] of records.all) {
    const older = newest.generation > 1 ? await records.history(key) : [];
    for (const record of [newest, ...older]) {
      const line = record.at < until ? lineOf(record) : undefined;
      if (line !== undefined) missing.set(keyOf(line), line);
    }
  }
  if (missing.size === 0) return 0;
  for await (const line of log.newestFirst()) {
    missing.delete(keyOf(line));
    if (missing.size === 0) return 0;
  }
  const lines = [...missing].toSorted(([one], [other]) => (one < other ? -1 : 1));
  for (const [, line] of lines) await log.append(line);
  return lines.length;
}

/** undefined: of a gateway that wrote nothing more than who it was beside the record. */
function lineOf({ generation, note }: Versioned<unknown>): object | undefined {
  const { at, who, action } = (note ?? {}) as Partial<ChangeLine>;
  const whole = [at, who, action].every((field) => typeof field === "string");
  return whole ? { ...note, generation } : undefined;
}

/** In the order of time. */
function keyOf(line: object): string {
  const { at, action, generation } = line as Partial<ChangeLine & { readonly generation: number }>;
  return JSON.stringify([at, generation, action]);
}
