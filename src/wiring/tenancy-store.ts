/**
 * What operators change while the gateway runs, and who did. Kept in a store of its own (`tenancy.folder`), which
 * several gateways may share; the file that names the tenants is the operator's, and nobody writes into it.
 */
import { StatusError, toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { openFileStore } from "../store/files/file-store.ts";
import type { AppendLog, Records } from "../store/store.ts";
import { type ChangeLine, completeTenancyAudit } from "./complete-tenancy-audit.ts";

/** A value that is changed by generations: of two editors who saw the same one, the second is told. */
export interface SharedValue<T> {
  /** 0 before the first change. */
  readonly generation: number;
  readonly value: T;
  /**
   * @param line to be appended to the audit next; where that fails it is kept here, and appended later
   * @throws StatusError ABORTED naming the generation that is there
   */
  commit(expected: number, value: T, line: ChangeLine): Promise<void>;
}

export interface TenancyStore {
  /** False: in memory, gone with the process. */
  readonly durable: boolean;
  /** Where the ledger goes; undefined: in memory. */
  readonly usageFolder: string | undefined;
  value<T>(name: string, initial: T): SharedValue<T>;
  readonly audit: Pick<AppendLog, "append" | "read">;
  /** Looks for what other gateways changed, and completes the audit where lines are missing. Does not reject. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

const MOST_AUDITED = 1000;
/** So long a process may take from its commit to the line, ms. */
const ON_ITS_WAY_MS = 10_000;

/** @param now ms since 1970 */
export async function openTenancyStore(
  folder: string | undefined,
  { log, now = Date.now }: { readonly log: Logger; readonly now?: () => number },
): Promise<TenancyStore> {
  if (folder === undefined) return inMemory();
  const store = await openFileStore(folder, { log });
  const records = store.records<unknown>("tenancy");
  /** When lines may be missing; the first look is for those of a process that was here before. */
  let missing = [now(), now() + ON_ITS_WAY_MS];
  const complete = async () => {
    const due = missing.filter((at) => at <= now());
    if (due.length === 0) return;
    missing = missing.filter((at) => at > now());
    try {
      const until = new Date(now() - ON_ITS_WAY_MS).toISOString();
      const lines = await completeTenancyAudit(records, store.log, until);
      if (lines > 0) log.info(`the audit log was completed by ${lines} lines`);
    } catch {
      missing.push(now() + ON_ITS_WAY_MS); // as full as before: whoever made a change was told
    }
  };
  return {
    durable: true,
    usageFolder: await store.folder("usage"),
    value: (name, initial) => recordValue(records as Records<typeof initial>, name, initial),
    audit: {
      read: (limit) => store.log.read(limit),
      async append(entry) {
        try {
          await store.log.append(entry);
        } catch (thrown) {
          missing.push(now() + ON_ITS_WAY_MS);
          throw thrown;
        }
      },
    },
    async refresh() {
      try {
        await records.refresh();
      } catch (thrown) {
        log.warn(`changes of other gateways cannot be read: ${toStatusError(thrown).message}`);
      }
      await complete();
    },
    close: () => store.close(),
  };
}

function recordValue<T>(records: Records<T>, name: string, initial: T): SharedValue<T> {
  return {
    get generation() {
      return records.get(name)?.generation ?? 0;
    },
    get value() {
      return records.get(name)?.value ?? initial;
    },
    async commit(expected, value, line) {
      await records.commit(name, expected, value, line);
    },
  };
}

/**
 * Tells of a change that holds.
 * @throws StatusError RESOURCE_EXHAUSTED saying that it holds, where there is no room for its line
 */
export async function tellOf(
  { audit }: Pick<TenancyStore, "audit">,
  line: ChangeLine,
  generation: number,
): Promise<void> {
  try {
    await audit.append({ ...line, generation });
  } catch (cause) {
    const told = `'${line.action}' holds (generation ${generation}), but the audit log could not be written`;
    const remedy = "its line is completed when there is room";
    const text = `${told}: ${toStatusError(cause).message}; ${remedy}`;
    throw new StatusError("RESOURCE_EXHAUSTED", text, { cause });
  }
}

function inMemory(): TenancyStore {
  const audited: object[] = [];
  return {
    durable: false,
    usageFolder: undefined,
    value: (_name, initial) => new MemoryValue(initial),
    audit: {
      async append(entry) {
        audited.unshift(entry);
        audited.length = Math.min(audited.length, MOST_AUDITED);
      },
      read: async (limit, matches = () => true) => audited.filter(matches).slice(0, limit),
    },
    async refresh() {},
    async close() {},
  };
}

class MemoryValue<T> implements SharedValue<T> {
  generation = 0;
  value: T;

  constructor(initial: T) {
    this.value = initial;
  }

  async commit(expected: number, value: T): Promise<void> {
    if (expected !== this.generation) {
      const text = `generation ${this.generation} is there, the change was made from ${expected}`;
      throw new StatusError("ABORTED", `${text}: look again`);
    }
    this.generation += 1;
    this.value = value;
  }
}
