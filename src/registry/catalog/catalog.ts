/**
 * The models that are registered, as this process sees them: read from a store that several gateways share,
 * changed one model at a time, each change with its line in the audit log.
 */
import type { Clock } from "../../clock.ts";
import { StatusError } from "../../errors.ts";
import { type Logger, silent } from "../../logger.ts";
import type { AppendLog, Records, Store, Versioned } from "../../store/store.ts";
import { checkModelName } from "../paths.ts";
import { againAndAgain } from "./again-and-again.ts";
import { auditEntryOf, type ChangeAction, type ChangeNote } from "./change-note.ts";
import { type AuditCheckpoint, completeAudit, keyOf, ON_ITS_WAY_MS } from "./complete-audit.ts";
import { digestsIn } from "./digests-in.ts";
import { readModel } from "./model-schema.ts";
import type { CatalogSnapshot } from "./registry.ts";
import type { AuditEntry, CatalogModel, Digest } from "./types.ts";

/** How often a change that nobody tied to a generation is made again on what others committed. */
const MOST_ATTEMPTS = 100;
/**
 * Other gateways on the store may have died without starting again. What is missing is found while the
 * store keeps the generation that tells of it: its newest 50 of a model.
 */
const AUDIT_EVERY_MS = 120_000;
const AUDIT_AGAIN_MS = ON_ITS_WAY_MS + 1_000;

export interface CatalogOptions {
  readonly log?: Logger;
  /** Wall clock, ms since 1970. */
  readonly now?: () => number;
}

export interface Changed {
  readonly generation: number;
  /** undefined: it was removed. */
  readonly model: CatalogModel | undefined;
  /** False: it was so already, and nothing was written. */
  readonly changed: boolean;
}

/** @param here true: this process committed it, or tried to; false: it was found */
export type ChangeListener = (names: readonly string[], here: boolean) => void;

export class Catalog {
  readonly #records: Records<CatalogModel>;
  readonly #checkpoints: Records<AuditCheckpoint>;
  readonly #audit: AppendLog;
  readonly #log: Logger;
  readonly #now: () => number;
  /** Those that can be used, by name. */
  readonly #models = new Map<
    string,
    { readonly generation: number; readonly model: CatalogModel }
  >();
  /** Generations of which the rest of this tells. */
  readonly #taken = new Map<string, number>();
  readonly #listeners = new Set<ChangeListener>();
  #snapshot: CatalogSnapshot | undefined;

  /** @param store nobody else changes its `models` past this catalog, but other processes may */
  constructor(store: Store, options: CatalogOptions = {}) {
    this.#records = store.records("models");
    this.#checkpoints = store.records("audit-checkpoints");
    this.#audit = store.log;
    this.#log = options.log ?? silent;
    this.#now = options.now ?? Date.now;
    this.#take([...this.#records.all.keys(), ...this.#records.damaged.keys()]);
  }

  get(name: string): { readonly generation: number; readonly model: CatalogModel } | undefined {
    return this.#models.get(name);
  }

  /** Sorted by name. The same object until something changes. */
  snapshot(): CatalogSnapshot {
    this.#snapshot ??= {
      generation: this.#records.generation,
      models: [...this.#models.values()].toSorted((a, b) => (a.model.name < b.model.name ? -1 : 1)),
    };
    return this.#snapshot;
  }

  /**
   * Changes one model, and writes the line of the audit log.
   * @param expected generation that the change was made from; undefined: whatever is there, and `next` is asked
   *   again where somebody else was first
   * @param next pure; the model after the change, undefined removes it, the same object changes nothing
   * @throws StatusError ABORTED naming the generation that is there; what `next` throws
   */
  async change(
    name: string,
    expected: number | undefined,
    who: string,
    action: ChangeAction,
    next: (model: CatalogModel | undefined) => CatalogModel | undefined,
  ): Promise<Changed> {
    checkModelName(name);
    for (let attempt = 1; ; attempt++) {
      // Ahead of what was seen: the caller heard of it from another gateway.
      if (expected !== undefined && expected !== this.#seen(name)) await this.refresh();
      // From here to the commit nothing is waited for: model and generation are one state.
      const generation = this.#seen(name);
      if (expected !== undefined && expected !== generation) {
        throw aborted(name, expected, generation);
      }
      const before = this.#usable(name);
      const model = next(before);
      if (model === before) return { generation, model, changed: false };
      checkNext(name, model);
      const note: ChangeNote = { who, ...action };
      const committed = await this.#records.commit(name, generation, model, note).catch(ifAborted);
      // Where it was lost, what is there instead was read by the commit.
      this.#changed([name], true);
      if (!(committed instanceof StatusError)) {
        await this.#tell(name, committed);
        return { generation: committed.generation, model, changed: true };
      }
      if (expected !== undefined || attempt >= MOST_ATTEMPTS) throw committed;
    }
  }

  /**
   * Brings a model whose record was damaged from outside back to its newest state that can be read.
   * @throws StatusError FAILED_PRECONDITION: it is not damaged; DATA_LOSS: no state of it can be read
   */
  async recover(name: string, who: string): Promise<Changed> {
    const note: ChangeNote = { who, action: "recover" };
    const committed = await this.#records.recover(name, note);
    this.#changed([name], true);
    await this.#tell(name, committed);
    return { generation: committed.generation, model: this.#usable(name), changed: true };
  }

  /** Told the names of models after they changed, here or in another process. @returns what takes it back */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks for what other processes committed. @returns names of the models that changed */
  async refresh(): Promise<readonly string[]> {
    const names = await this.#records.refresh();
    if (names.length > 0) this.#changed(names, false);
    return names;
  }

  /** Refreshes every `everyMs`, and completes the audit log now and then. @returns what stops it */
  follow(clock: Clock, everyMs: number): () => void {
    let problem = "";
    const look = async () => {
      try {
        await this.refresh();
        problem = "";
      } catch (thrown) {
        const reason = reasonOf(thrown);
        // Once, not twice a second.
        if (reason !== problem) this.#log.error(`the registry's store cannot be read: ${reason}`);
        problem = reason;
      }
    };
    void this.completeAudit();
    // What died just before this start is looked at once its line cannot be on its way any more.
    const stopAuditSoon = clock.after(AUDIT_AGAIN_MS, () => void this.completeAudit());
    const stopAudit = againAndAgain(clock, AUDIT_EVERY_MS, () => this.completeAudit());
    const stopLooking = againAndAgain(clock, everyMs, look);
    return () => {
      stopAuditSoon();
      stopAudit();
      stopLooking();
    };
  }

  /** Writes the lines that processes which died could not write. Never rejects. @returns how many */
  async completeAudit(): Promise<number> {
    try {
      await this.#checkpoints.refresh();
      const lines = await completeAudit(this.#records, this.#checkpoints, this.#audit, this.#now());
      if (lines > 0) this.#log.info(`the audit log was completed by ${lines} lines`);
      return lines;
    } catch (thrown) {
      this.#log.error(`the audit log could not be completed: ${reasonOf(thrown)}`);
      return 0;
    }
  }

  /** Newest first. */
  async audit(
    limit: number,
    matches: (entry: AuditEntry) => boolean = () => true,
  ): Promise<readonly AuditEntry[]> {
    // Two processes that start together may both complete the same line.
    const seen = new Set<string>();
    return (await this.#audit.read(limit, (line) => {
      const entry = line as AuditEntry;
      if (!matches(entry)) return false;
      if (entry.generation === undefined || entry.model === undefined) return true;
      if (seen.has(keyOf(entry))) return false;
      seen.add(keyOf(entry));
      return true;
    })) as readonly AuditEntry[];
  }

  /** A line that tells of no change of a model, e.g. a refused registration. */
  async note(entry: Omit<AuditEntry, "at" | "generation">): Promise<void> {
    await this.#audit.append({ at: new Date(this.#now()).toISOString(), ...entry });
  }

  /**
   * Every blob that a record names, wherever in it. For `Blobs.sweep`, at once.
   * @throws StatusError DATA_LOSS where a record cannot be read: nobody knows what it names
   */
  async referencedBlobs(): Promise<ReadonlySet<Digest>> {
    await this.refresh();
    const [damage] = this.#records.damaged.values();
    if (damage !== undefined) {
      throw new StatusError(
        "DATA_LOSS",
        `nothing can be swept while it is not known which files are needed: ${damage.reason}`,
      );
    }
    const digests = new Set<Digest>();
    for (const { value } of this.#records.all.values()) digestsIn(value, digests);
    return digests;
  }

  /** Generation of the record, which is taken over where that was not done yet. */
  #seen(name: string): number {
    const generation = this.#records.get(name)?.generation ?? 0;
    if ((this.#taken.get(name) ?? 0) !== generation) this.#take([name]);
    return generation;
  }

  /** @throws StatusError DATA_LOSS for a record that is there and cannot be used */
  #usable(name: string): CatalogModel | undefined {
    const model = this.#models.get(name)?.model;
    const damage = this.#records.damaged.get(name);
    if (
      model !== undefined ||
      (damage === undefined && this.#records.get(name)?.value === undefined)
    ) {
      return model;
    }
    const remedy =
      damage === undefined ? "" : ", or bring back the one before ('beamgate model recover')";
    throw new StatusError(
      "DATA_LOSS",
      `the record of model '${name}' cannot be used (${damage?.reason ?? "it is no model"}); ` +
        `restore it from a backup${remedy}`,
    );
  }

  async #tell(name: string, committed: Versioned<CatalogModel>): Promise<void> {
    try {
      await this.#audit.append(auditEntryOf(name, committed) ?? {});
    } catch (thrown) {
      throw new StatusError(
        "RESOURCE_EXHAUSTED",
        `model '${name}' was changed (generation ${committed.generation}), but the audit log could not be written: ` +
          `${reasonOf(thrown)}. Its line is completed when a gateway starts`,
        { cause: thrown },
      );
    }
  }

  #changed(names: readonly string[], here: boolean): void {
    this.#take(names);
    for (const listener of this.#listeners) {
      try {
        listener(names, here);
      } catch (thrown) {
        // The change is made; whoever made it is not to hear of somebody else's trouble.
        this.#log.error(`a listener of the catalog failed: ${reasonOf(thrown)}`);
      }
    }
  }

  /** What the records say of these models. */
  #take(names: readonly string[]): void {
    this.#snapshot = undefined;
    for (const name of names) {
      const record = this.#records.get(name);
      this.#taken.set(name, record?.generation ?? 0);
      const model = record?.value === undefined ? undefined : readModel(record.value, name);
      if (record === undefined || typeof model !== "object") {
        this.#models.delete(name);
        if (typeof model === "string") {
          this.#log.warn(`the record of model '${name}' is left out: ${model}`);
        }
        continue;
      }
      this.#models.set(name, { generation: record.generation, model });
    }
  }
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function aborted(name: string, expected: number, generation: number): StatusError {
  const there = generation === 0 ? "it does not exist" : `generation ${generation} is there`;
  return new StatusError(
    "ABORTED",
    `model '${name}' was changed by somebody else: ${there}, ${expected} was expected; look at it and try again`,
  );
}

/** Somebody else was first; anything else is thrown. */
function ifAborted(thrown: unknown): StatusError {
  if (thrown instanceof StatusError && thrown.code === "ABORTED") return thrown;
  throw thrown;
}

function checkNext(name: string, model: CatalogModel | undefined): void {
  const checked = model === undefined ? undefined : readModel(model, name);
  if (typeof checked === "string") {
    throw new StatusError("INTERNAL", `the change of model '${name}' makes no model: ${checked}`);
  }
}
