/**
 * What operators change while the gateway runs, and who did. Kept in a store of its own (`tenancy.folder`), which
 * several gateways may share; the file that names the tenants is the operator's, and nobody writes into it.
 */
import { StatusError, toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { openFileStore } from "../store/files/file-store.ts";
import type { AppendLog, Records } from "../store/store.ts";

/** A value that is changed by generations: of two editors who saw the same one, the second is told. */
export interface SharedValue<T> {
  /** 0 before the first change. */
  readonly generation: number;
  readonly value: T;
  /** @throws StatusError ABORTED naming the generation that is there */
  commit(expected: number, value: T, note: object): Promise<void>;
}

export interface TenancyStore {
  /** False: in memory, gone with the process. */
  readonly durable: boolean;
  /** Where the ledger goes; undefined: in memory. */
  readonly usageFolder: string | undefined;
  value<T>(name: string, initial: T): SharedValue<T>;
  readonly audit: Pick<AppendLog, "append" | "read">;
  /** Looks for what other gateways changed. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

const MOST_AUDITED = 1000;

export async function openTenancyStore(
  folder: string | undefined,
  { log }: { readonly log: Logger },
): Promise<TenancyStore> {
  if (folder === undefined) return inMemory();
  const store = await openFileStore(folder, { log });
  const records = store.records<unknown>("tenancy");
  return {
    durable: true,
    usageFolder: await store.folder("usage"),
    value: (name, initial) => recordValue(records as Records<typeof initial>, name, initial),
    audit: store.log,
    async refresh() {
      try {
        await records.refresh();
      } catch (thrown) {
        log.warn(`changes of other gateways cannot be read: ${toStatusError(thrown).message}`);
      }
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
    async commit(expected, value, note) {
      await records.commit(name, expected, value, note);
    },
  };
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
