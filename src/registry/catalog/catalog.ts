/**
 * The models of the registry as this process knows them, and the way to change one: read, change,
 * commit, tell. Others may change them, too: `follow` sees it.
 */
import type { Clock } from "../../clock.ts";
import { StatusError, toStatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { AppendLog, Records, Store } from "../../store/store.ts";
import type { CatalogSnapshot } from "./registry.ts";
import { parseStored, type StoredModel } from "./stored-model.ts";
import type { AuditEntry, CatalogArtifact, CatalogModel, Vendor } from "./types.ts";

export interface Change {
  readonly who: string;
  readonly action: string;
  /** Generation that it was made from; absent: whatever is there. */
  readonly generation?: number | undefined;
  readonly about?: Partial<Pick<AuditEntry, "version" | "artifact" | "details">>;
}

/** Changes that name no generation are made again when somebody else was first. */
const TRIES = 20;
const KIND = "models";

export class Catalog {
  readonly #records: Records<StoredModel>;
  readonly #audit: AppendLog;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #listeners = new Set<(names: readonly string[]) => void>();
  /** Parsed once a generation. */
  readonly #models = new Map<string, { generation: number; model: CatalogModel | undefined }>();
  #stop: (() => void) | undefined;

  private constructor(records: Records<StoredModel>, store: Store, log: Logger, clock: Clock) {
    this.#records = records;
    this.#audit = store.log;
    this.#log = log;
    this.#clock = clock;
  }

  static async open(store: Store, log: Logger, clock: Clock): Promise<Catalog> {
    const catalog = new Catalog(await store.records<StoredModel>(KIND), store, log, clock);
    await catalog.#completeAudit();
    return catalog;
  }

  /** Grows by one with every change of any model. */
  get generation(): number {
    return this.#records.generation;
  }

  generationOf(name: string): number {
    return this.#records.get(name)?.generation ?? 0;
  }

  find(name: string): CatalogModel | undefined {
    const record = this.#records.get(name);
    if (record === undefined) return undefined;
    const known = this.#models.get(name);
    if (known?.generation === record.generation) return known.model;
    const model = record.value && parseStored(name, record.value, this.#log);
    this.#models.set(name, { generation: record.generation, model });
    return model;
  }

  /** @throws StatusError NOT_FOUND */
  get(name: string): CatalogModel {
    const model = this.find(name);
    if (model !== undefined) return model;
    throw new StatusError("NOT_FOUND", `the registry has no model '${name}'`);
  }

  snapshot(): CatalogSnapshot {
    const models: { generation: number; model: CatalogModel }[] = [];
    for (const [name, { generation }] of this.#records.all) {
      const model = this.find(name);
      if (model !== undefined) models.push({ generation, model });
    }
    return { generation: this.generation, models };
  }

  /** The index of one vendor's registry. */
  ofVendor(vendor: Vendor): readonly {
    readonly model: string;
    readonly version: string;
    readonly artifact: CatalogArtifact;
  }[] {
    return this.snapshot().models.flatMap(({ model }) =>
      Object.values(model.versions).flatMap(({ version, artifacts }) =>
        artifacts
          .filter((artifact) => artifact.vendor === vendor)
          .map((artifact) => ({ model: model.name, version, artifact })),
      ),
    );
  }

  /**
   * @param next undefined removes the model; the same object changes nothing
   * @returns the generation that holds afterwards
   * @throws StatusError as `next` does; ABORTED where somebody else was first
   */
  async change(
    name: string,
    { who, action, generation, about = {} }: Change,
    next: (model: CatalogModel | undefined) => CatalogModel | undefined,
  ): Promise<number> {
    for (let attempt = 1; ; attempt += 1) {
      const before = generation ?? this.generationOf(name);
      if (generation !== undefined && generation !== this.generationOf(name)) {
        await this.refresh();
      }
      const model = this.find(name);
      const changed = next(model);
      if (changed === model && this.generationOf(name) === before) return before;
      const at = new Date().toISOString();
      const entry = { at, who, action, model: name, ...about, generation: before + 1 };
      const value: StoredModel = { lastChange: entry, model: changed };
      try {
        await this.#records.commit(name, before, value);
      } catch (cause) {
        const { code } = toStatusError(cause);
        if (code !== "ABORTED" || generation !== undefined || attempt >= TRIES) throw cause;
        continue;
      }
      await this.#tell(entry);
      this.#changed([name]);
      return before + 1;
    }
  }

  async audit(
    limit: number,
    matches: (entry: AuditEntry) => boolean = () => true,
  ): Promise<readonly AuditEntry[]> {
    const read = await this.#audit.read(limit, (entry) => matches(entry as AuditEntry));
    return read as readonly AuditEntry[];
  }

  /** What happened to no record, such as a refused registration. */
  async note(entry: Omit<AuditEntry, "at">): Promise<void> {
    await this.#tell({ at: new Date().toISOString(), ...entry });
  }

  /** Looks for changes of other processes. */
  async refresh(): Promise<void> {
    const names = await this.#records.refresh();
    if (names.length > 0) this.#changed(names);
  }

  follow(everyMs: number): void {
    this.#stop = this.#clock.after(everyMs, () => {
      void this.refresh()
        .catch((thrown: unknown) => this.#log.error(toStatusError(thrown).message))
        .then(() => {
          if (this.#stop !== undefined) this.follow(everyMs);
        });
    });
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#listeners.clear();
  }

  /** Called after every change, whoever made it. */
  onChange(listener: (names: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Every blob that a model names; the others may go. */
  referenced(): ReadonlySet<string> {
    const named = new Set<string>();
    for (const { model } of this.snapshot().models) {
      for (const { artifacts, golden, files = {} } of Object.values(model.versions)) {
        for (const digest of Object.values(files)) named.add(digest);
        if (golden !== undefined) named.add(golden.inputs).add(golden.outputs);
        for (const { digest, verdict } of artifacts) {
          named.add(digest);
          if (verdict !== undefined) named.add(verdict);
        }
      }
    }
    return named;
  }

  #changed(names: readonly string[]): void {
    for (const listener of this.#listeners) listener(names);
  }

  /** The change stands, whatever becomes of its line: the record carries it, and the next start completes the log. */
  async #tell(entry: AuditEntry): Promise<void> {
    try {
      await this.#audit.append(entry);
    } catch (cause) {
      this.#log.error(`the audit log cannot be written: ${toStatusError(cause).message}`);
    }
  }

  /** A process that died after a commit left no line: the record says what it would have been. */
  async #completeAudit(): Promise<void> {
    const missing = new Map<string, AuditEntry>();
    for (const [name, { value, generation }] of this.#records.all) {
      const { lastChange } = value ?? {};
      if (lastChange?.generation === generation) missing.set(`${name}\n${generation}`, lastChange);
    }
    const isWanted = (entry: object) => {
      const { model, generation } = entry as Partial<AuditEntry>;
      missing.delete(`${model}\n${generation}`);
      return false;
    };
    await this.#audit.read(1, isWanted);
    for (const entry of missing.values()) await this.#tell(entry);
  }
}
