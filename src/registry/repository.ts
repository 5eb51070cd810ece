/**
 * The models of all roots: which there are, which serve, and why the others do
 * not. A broken model costs nobody else anything; the old version of a model
 * serves until the new one is ready.
 */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../clock.ts";
import { StatusError, toStatusError } from "../errors.ts";
import { parseModelVersion } from "../inference/model-version.ts";
import type { Logger } from "../logger.ts";
import { fingerprint } from "./fingerprint.ts";
import { Limit } from "./limit.ts";
import { type ModelMetadata, metadataOf } from "./metadata.ts";
import { ModelRecord, NOTHING, UNLOADED, unknownModel } from "./model-record.ts";
import type { InspectingModule } from "./modules.ts";
import { checkModelName } from "./paths.ts";
import { type PreparedVersion, prepareModel } from "./prepare.ts";
import { scanRoots } from "./scan.ts";
import type {
  IndexEntry,
  Loader,
  ModelConfigObject,
  ModelDefinition,
  ServedModel,
} from "./types.ts";

export interface RepositoryOptions<L> {
  readonly roots: readonly string[];
  /** `none`: load all at start. `poll`: and follow changes. `explicit`: load what `loadModels` names. */
  readonly controlMode: "none" | "poll" | "explicit";
  /** Seconds between two looks at the roots, in mode `poll`. */
  readonly pollSecs: number;
  /** Names for mode `explicit`; `*` alone stands for all. */
  readonly loadModels: readonly string[];
  /** See `PrepareOptions.configName`. */
  readonly configName?: string | undefined;
  readonly autoComplete: boolean;
  /** True: `start` rejects when a model cannot be loaded. */
  readonly exitOnError: boolean;
  /** Versions being loaded at once. */
  readonly maxParallelLoads: number;
  readonly modules: readonly InspectingModule[];
  readonly loader: Loader<L>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class ModelRepository<L> {
  readonly #options: RepositoryOptions<L>;
  readonly #models = new Map<string, ModelRecord<L>>();
  readonly #listeners = new Set<(model: string) => void>();
  readonly #loads: Limit;
  readonly #stopping = new AbortController();
  #started = false;
  #cancelPoll: (() => void) | undefined;
  /** The round of loading or unloading under way; one at a time. */
  #round: Promise<void> = Promise.resolve();

  constructor(options: RepositoryOptions<L>) {
    this.#options = options;
    this.#loads = new Limit(options.maxParallelLoads);
  }

  /**
   * Resolves when every model serves or has a reason why not.
   * @throws StatusError where a root is no folder or a name is none; with `exitOnError` also where a model failed
   */
  async start(): Promise<void> {
    this.#checkLoadModels();
    this.#round = this.#look(await scanRoots(this.#options.roots));
    await this.#round;
    this.#started = true;
    this.#schedulePoll();
    const failed = this.index(false).filter((entry) => entry.state === "UNAVAILABLE");
    if (this.#options.exitOnError && failed.length > 0) {
      const reasons = failed.map(({ name, version, reason }) => `${name} ${version}: ${reason}`);
      throw new StatusError("INTERNAL", `failed to load all models: ${reasons.join("; ")}`);
    }
  }

  /**
   * Hot: called for every request.
   * @param version as the client wrote it; empty for the newest ready one
   * @throws StatusError with Triton's texts
   */
  resolve(name: string, version: string): ServedModel<L> {
    const wanted = parseModelVersion(version);
    const record = this.#models.get(name);
    if (record === undefined) throw unknownModel(name);
    return record.resolve(wanted);
  }

  /** False also for models and versions that do not exist. @throws StatusError where the version is no number */
  isReady(name: string, version: string): boolean {
    const wanted = parseModelVersion(version);
    const record = this.#models.get(name);
    if (record === undefined) return false;
    const served = wanted === "" ? record.latest : record.serving(wanted);
    return served !== undefined && this.#trouble(served) === undefined;
  }

  /** Every model that was to be loaded is. False until the first round is over. */
  allReady(): boolean {
    return (
      this.#started &&
      [...this.#models.values()].every((record) => record.allReady()) &&
      this.served().every((served) => this.#trouble(served) === undefined)
    );
  }

  index(readyOnly: boolean): readonly IndexEntry[] {
    const entries = [...this.#models.values()].flatMap((record) =>
      record.entries().map((entry) => this.#withTrouble(record, entry)),
    );
    return readyOnly ? entries.filter((entry) => entry.state === "READY") : entries;
  }

  #trouble({ loaded }: ServedModel<L>): string | undefined {
    return this.#options.loader.trouble(loaded);
  }

  /** A version that was READY and whose worker cannot load it again is not ready now. */
  #withTrouble(record: ModelRecord<L>, entry: IndexEntry): IndexEntry {
    const served = record.serving(entry.version);
    const reason = served && this.#trouble(served);
    return reason === undefined ? entry : { ...entry, state: "UNAVAILABLE", reason };
  }

  /** @throws StatusError like `resolve` */
  config(name: string, version: string): ModelConfigObject {
    return this.resolve(name, version).definition.config;
  }

  /** @throws StatusError like `resolve` */
  metadata(name: string, version: string): ModelMetadata {
    const { definition } = this.resolve(name, version);
    return metadataOf(definition, this.#models.get(name)?.readyVersions() ?? []);
  }

  /** Every version that serves now. */
  served(): readonly ServedModel<L>[] {
    return [...this.#models.values()].flatMap((record) =>
      record.readyVersions().flatMap((version) => record.version(version)?.served ?? []),
    );
  }

  /** Calls `listener` with the name of a model whenever the state of one of its versions changed. */
  onChange(listener: (model: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Loads under way are given up; every model is drained and unloaded. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelPoll?.();
    await this.#round.catch(() => undefined);
    await Promise.all([...this.#models.values()].map((record) => this.#unloadModel(record)));
  }

  /** Looks at the roots once more and follows what changed. Never rejects. */
  async poll(): Promise<void> {
    await this.#round.catch(() => undefined);
    if (this.#stopping.signal.aborted) return;
    this.#round = scanRoots(this.#options.roots)
      .then((found) => this.#look(found))
      // A network file system may be away for a while: what serves goes on serving.
      .catch((thrown: unknown) => this.#options.log.error(toStatusError(thrown).message));
    await this.#round;
  }

  #schedulePoll(): void {
    if (this.#options.controlMode !== "poll" || this.#stopping.signal.aborted) return;
    this.#cancelPoll = this.#options.clock.after(this.#options.pollSecs * 1000, () => {
      void this.poll().then(() => this.#schedulePoll());
    });
  }

  #checkLoadModels(): void {
    const { controlMode, loadModels } = this.#options;
    if (controlMode !== "explicit") return;
    if (loadModels.includes("*") && loadModels.length > 1) {
      throw new StatusError(
        "INVALID_ARGUMENT",
        "Wildcard model name '*' must be the ONLY startup model if specified at all.",
      );
    }
    for (const name of loadModels) checkModelName(name);
  }

  /** One round: makes what serves agree with what was found. */
  async #look(found: ReadonlyMap<string, readonly string[]>): Promise<void> {
    const gone = [...this.#models.values()].filter((record) => !found.has(record.name));
    for (const [name, folders] of found) {
      const record = this.#models.get(name) ?? new ModelRecord<L>(name, folders);
      record.folders = folders;
      this.#models.set(name, record);
    }
    this.#addMissing(found);
    const wanted = [...found.keys()].filter((name) => this.#isWanted(name));
    await Promise.all([
      ...wanted.map((name) => this.#follow(name)),
      ...gone.filter((record) => record.folders.length > 0).map((record) => this.#remove(record)),
    ]);
  }

  #isWanted(name: string): boolean {
    const { controlMode, loadModels } = this.#options;
    return controlMode !== "explicit" || loadModels.includes("*") || loadModels.includes(name);
  }

  /** A model that was asked for by name and is nowhere gets an entry that says so. */
  #addMissing(found: ReadonlyMap<string, readonly string[]>): void {
    if (this.#options.controlMode !== "explicit") return;
    for (const name of this.#options.loadModels) {
      if (name === "*" || found.has(name)) continue;
      const record = this.#models.get(name) ?? new ModelRecord<L>(name, []);
      record.attempted = true;
      this.#fail(
        record,
        `failed to poll model '${name}': model not found in any model repository.`,
      );
      this.#models.set(name, record);
    }
  }

  async #remove(record: ModelRecord<L>): Promise<void> {
    await this.#unloadModel(record);
    this.#models.delete(record.name);
    this.#changed(record.name);
  }

  /** Loads a model that is new or changed. Never rejects. */
  async #follow(name: string): Promise<void> {
    const record = this.#models.get(name);
    if (record === undefined) return;
    const now = await fingerprint(record.folders);
    if (now === record.fingerprint) return;
    record.fingerprint = now;
    record.attempted = true;
    try {
      await this.#load(record);
    } catch (thrown) {
      this.#fail(record, toStatusError(thrown).message);
    }
  }

  /** What serves goes on serving; the reason is shown. */
  #fail(record: ModelRecord<L>, reason: string): void {
    record.reason = reason;
    for (const { version, state } of record.versions) record.set(version, state, reason);
    this.#options.log.error(`failed to load model '${record.name}': ${reason}`);
    this.#changed(record.name);
  }

  async #load(record: ModelRecord<L>): Promise<void> {
    const [folder, ...others] = record.folders;
    if (folder === undefined || others.length > 0) {
      throw new StatusError(
        "INVALID_ARGUMENT",
        `failed to poll model '${record.name}': not unique across all model repositories ` +
          `(${record.folders.join(", ")})`,
      );
    }
    const prepared = await this.#loads.run(() => prepareModel(folder, this.#options));
    record.reason = "";
    await Promise.all(prepared.map((version) => this.#loadVersion(record, folder, version)));
    const wanted = new Set(prepared.map(({ version }) => version));
    const dropped = [...record.versions].filter(({ version }) => !wanted.has(version));
    await Promise.all(dropped.map(({ version }) => this.#unloadVersion(record, version)));
  }

  async #loadVersion(
    record: ModelRecord<L>,
    folder: string,
    prepared: PreparedVersion,
  ): Promise<void> {
    const { version } = prepared;
    const files = await fingerprint([join(folder, version)]);
    const before = record.version(version)?.served;
    if (before !== undefined && "definition" in prepared) {
      const sameFiles = record.version(version)?.fingerprint === files;
      if (sameFiles && isDeepStrictEqual(before.definition, prepared.definition)) {
        this.#set(record, version, "READY", "");
        return;
      }
    }
    if (before === undefined) this.#set(record, version, "LOADING", "");
    try {
      if ("error" in prepared) throw prepared.error;
      const served = await this.#loads.run(() => this.#loadDefinition(prepared.definition));
      this.#set(record, version, "READY", "", { served, fingerprint: files });
      this.#options.log.info(`successfully loaded '${record.name}' version ${version}`);
      if (before !== undefined) await this.#options.loader.unload(before.loaded);
    } catch (thrown) {
      const reason = toStatusError(thrown).message;
      const state = record.version(version)?.served === undefined ? "UNAVAILABLE" : "READY";
      this.#set(record, version, state, reason);
      this.#options.log.error(`failed to load '${record.name}' version ${version}: ${reason}`);
    }
  }

  async #loadDefinition(definition: ModelDefinition): Promise<ServedModel<L>> {
    const { signal } = this.#stopping;
    if (signal.aborted) throw new StatusError("UNAVAILABLE", "the server is stopping");
    return { definition, loaded: await this.#options.loader.load(definition, signal) };
  }

  async #unloadModel(record: ModelRecord<L>): Promise<void> {
    const versions = [...record.versions].map(({ version }) => version);
    await Promise.all(versions.map((version) => this.#unloadVersion(record, version)));
  }

  /** New requests are turned away first; then those under way are answered. */
  async #unloadVersion(record: ModelRecord<L>, version: string): Promise<void> {
    const served = record.version(version)?.served;
    if (served === undefined) return;
    this.#set(record, version, "UNLOADING", "", NOTHING);
    try {
      await this.#options.loader.unload(served.loaded);
    } catch (thrown) {
      const { message } = toStatusError(thrown);
      this.#options.log.error(`failed to unload '${record.name}' version ${version}: ${message}`);
    }
    this.#set(record, version, "UNAVAILABLE", UNLOADED);
  }

  #set(...[record, ...state]: [ModelRecord<L>, ...Parameters<ModelRecord<L>["set"]>]): void {
    record.set(...state);
    this.#changed(record.name);
  }

  #changed(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }
}
