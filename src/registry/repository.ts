/**
 * The models of all roots: which there are, which serve, and why the others do
 * not. A broken model costs nobody else anything; the old version of a model
 * serves until the new one is ready.
 */
import { dirname } from "node:path";
import type { Clock } from "../clock.ts";
import { StatusError, toStatusError } from "../errors.ts";
import { parseModelVersion } from "../inference/model-version.ts";
import type { Logger } from "../logger.ts";
import { ModelChanges } from "./changes.ts";
import {
  type ControlParameters,
  loadOverride,
  outcomeError,
  refuseUnlessExplicit,
  unloadsDependents,
} from "./control.ts";
import { Ensembles } from "./ensembles.ts";
import { ExplicitControl } from "./explicit.ts";
import { fingerprint } from "./fingerprint.ts";
import { GivenFiles, sweepGivenFiles } from "./given-files.ts";
import { type ModelMetadata, metadataOf } from "./metadata.ts";
import { ModelRecord, unknownModel } from "./model-record.ts";
import type { InspectingModule } from "./modules.ts";
import { checkModelName } from "./paths.ts";
import { RegisteredFollowing } from "./published/registered-following.ts";
import type { RegisteredModels } from "./published/registered-model.ts";
import { scanRoots } from "./scan.ts";
import { Turns } from "./turns.ts";
import type { IndexEntry, Loader, ModelConfigObject, ServedModel } from "./types.ts";

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
  /** Models that were registered: served in every control mode, without being asked for. */
  readonly registered?: RegisteredModels;
  readonly loader: Loader<L>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class ModelRepository<L> {
  readonly #options: RepositoryOptions<L>;
  readonly #models = new Map<string, ModelRecord<L>>();
  readonly #listeners = new Set<(model: string) => void>();
  readonly #stopping = new AbortController();
  readonly #turns = new Turns();
  readonly #given = new GivenFiles();
  readonly #changes: ModelChanges<L>;
  readonly #explicit: ExplicitControl<L>;
  readonly #ensembles: Ensembles<L>;
  readonly #registered: RegisteredFollowing<L>;
  #started = false;
  #cancelPoll: (() => void) | undefined;
  /** The look at the roots under way, and what it loads; one at a time. */
  #round: Promise<void> = Promise.resolve();

  constructor(options: RepositoryOptions<L>) {
    this.#options = options;
    const { signal } = this.#stopping;
    this.#changes = new ModelChanges(options, signal, (name) => this.#changed(name));
    this.#ensembles = new Ensembles({
      models: this.#models,
      changes: this.#changes,
      turns: this.#turns,
      stopping: signal,
    });
    this.#registered = new RegisteredFollowing({
      registered: options.registered,
      models: this.#models,
      changes: this.#changes,
      ensembles: this.#ensembles,
      turns: this.#turns,
      stopping: signal,
      remove: (record) => this.#remove(record),
    });
    this.#explicit = new ExplicitControl({
      ...options,
      models: this.#models,
      changes: this.#changes,
      ensembles: this.#ensembles,
      turns: this.#turns,
      given: this.#given,
      stopping: signal,
      served: () => this.served(),
      forget: (name) => this.#forget(name),
    });
  }

  /**
   * Resolves when every model serves or has a reason why not.
   * @throws StatusError where a root is no folder or a name is none; with `exitOnError` also where a model failed
   */
  async start(): Promise<void> {
    this.#checkLoadModels();
    if (this.#options.controlMode === "explicit") await sweepGivenFiles();
    this.#round = this.#look(await this.#scan());
    await this.#round;
    this.#started = true;
    this.#schedulePoll();
    // What was registered is mended by those who can reach this gateway: it starts without it.
    const failed = this.index(false).filter(
      ({ name, state }) => state === "UNAVAILABLE" && !this.#registered.has(name),
    );
    if (this.#options.exitOnError && failed.length > 0) {
      const reasons = failed.map(({ name, version, reason }) => `${name} ${version}: ${reason}`);
      throw new StatusError("INTERNAL", `failed to load all models: ${reasons.join("; ")}`);
    }
  }

  /**
   * Hot: called for every request.
   * @param version as the client wrote it, or an alias of a registered model; empty for `production`, or the newest ready one
   * @throws StatusError with Triton's texts
   */
  resolve(name: string, version: string): ServedModel<L> {
    const record = this.#models.get(name);
    const wanted = versionOf(record, version);
    if (record === undefined) throw unknownModel(name);
    return record.resolve(wanted);
  }

  /** False also for models and versions that do not exist. @throws StatusError where the version is no number */
  isReady(name: string, version: string): boolean {
    const record = this.#models.get(name);
    const wanted = versionOf(record, version);
    if (record === undefined) return false;
    const served = wanted === "" ? record.latest : record.serving(wanted);
    return served !== undefined && this.#trouble(served) === undefined;
  }

  /**
   * Every model that was to be loaded is; of a registered one it is enough that requests without a version are
   * answered. False until the first round is over.
   */
  allReady(): boolean {
    return (
      this.#started &&
      [...this.#models.values()].every((record) =>
        this.#registered.has(record.name) ? record.latest !== undefined : record.allReady(),
      ) &&
      this.served().every((served) => this.#trouble(served) === undefined)
    );
  }

  index(readyOnly: boolean): readonly IndexEntry[] {
    const entries = [...this.#models.values()].flatMap((record) =>
      record.entries().map((entry) => this.#withTrouble(record, entry)),
    );
    return readyOnly ? entries.filter((entry) => entry.state === "READY") : entries;
  }

  /** Why a version does not serve now; undefined: it does. */
  trouble(name: string, version: string): string | undefined {
    try {
      return this.#trouble(this.resolve(name, version));
    } catch (thrown) {
      return toStatusError(thrown).message;
    }
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

  /**
   * Loads what the repository or the parameters hold (`control.ts`). Resolves when
   * it serves; until then, and where it fails, the versions that served go on.
   * @throws StatusError with Triton's texts
   */
  async loadModel(name: string, parameters: ControlParameters): Promise<void> {
    refuseUnlessExplicit(this.#options.controlMode);
    this.#refuseRegistered(name);
    const override = loadOverride(parameters);
    checkModelName(name);
    const error = outcomeError(name, await this.#explicit.load(name, override));
    if (error !== undefined) throw error;
  }

  /**
   * No version gets new requests from now on; those under way are answered. A model
   * that is not loaded, or not known, is no error.
   * @throws StatusError with Triton's texts
   */
  async unloadModel(name: string, parameters: ControlParameters): Promise<void> {
    refuseUnlessExplicit(this.#options.controlMode);
    this.#refuseRegistered(name);
    const dependents = unloadsDependents(parameters);
    checkModelName(name);
    await this.#explicit.unload(name, dependents);
  }

  /** Loads under way are given up; every model is drained and unloaded. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelPoll?.();
    await this.#round.catch(() => undefined);
    await this.#explicit.idle();
    await this.#turns.idle();
    await Promise.all([...this.#models.values()].map((record) => this.#changes.unload(record)));
    await this.#changes.drained();
    await this.#given.close();
  }

  /** Looks at the roots once more and follows what changed. Never rejects. */
  async poll(): Promise<void> {
    await this.#round.catch(() => undefined);
    if (this.#stopping.signal.aborted) return;
    this.#round = this.#scan()
      .then((found) => this.#look(found))
      // A network file system may be away for a while: what serves goes on serving.
      .catch((thrown: unknown) => this.#options.log.error(toStatusError(thrown).message));
    await this.#round;
  }

  /**
   * Looks at one of the roots and follows what changed there, in any control mode; models of the other
   * roots stay as they are. Never rejects.
   */
  async followRoot(root: string): Promise<void> {
    await this.#round.catch(() => undefined);
    if (this.#stopping.signal.aborted) return;
    const isThere = (folders: readonly string[]) => folders.some((each) => dirname(each) === root);
    this.#round = this.#scan()
      .then((found) => this.#look(found, isThere))
      .catch((thrown: unknown) => this.#options.log.error(toStatusError(thrown).message));
    await this.#round;
  }

  /**
   * Makes what serves agree with the registry, for these models only. Resolves when each of their versions
   * serves or has failed, and aliases lead where they may. Never rejects.
   */
  followRegistered(names: readonly string[]): Promise<void> {
    return this.#registered.follow(names);
  }

  /** Resolves when nothing that was taken out of service answers requests any more. @param version absent: of any */
  released(name: string, version?: string): Promise<void> {
    return this.#changes.released(name, version);
  }

  /** Something of a version was taken out of service, and still answers its last requests. */
  leaving(name: string, version: string): boolean {
    return (this.#models.get(name)?.version(version)?.leaving ?? 0) > 0;
  }

  /** How a version is; undefined: there is none. */
  state(name: string, version: string): Pick<IndexEntry, "state" | "reason"> | undefined {
    return this.#models.get(name)?.version(version);
  }

  /** Whatever serves a version now. */
  serving(name: string, version: string): ServedModel<L> | undefined {
    return this.#models.get(name)?.serving(version);
  }

  /** Everything of a model that serves now: first what requests without a version get, then the newer ones first. */
  servingAll(name: string): readonly ServedModel<L>[] {
    const record = this.#models.get(name);
    const versions = record?.readyVersions().toReversed() ?? [];
    const served = versions.flatMap((version) => record?.serving(version) ?? []);
    return served.toSorted((a, b) => Number(b === record?.latest) - Number(a === record?.latest));
  }

  /** The version that requests for an alias of a registered model get now; undefined: it has no such alias. */
  alias(name: string, alias: string): string | undefined {
    return this.#models.get(name)?.alias(alias);
  }

  /** What the roots hold, and the registry. */
  async #scan(): Promise<Found> {
    const folders = new Map(await scanRoots(this.#options.roots));
    return { folders, fromRegistry: this.#registered.addTo(folders) };
  }

  #refuseRegistered(name: string): void {
    if (this.#models.get(name)?.registered !== true) return;
    throw new StatusError(
      "FAILED_PRECONDITION",
      `model '${name}' is registered: what of it serves is changed by 'beamgate model promote', 'retire' and 'rm'`,
    );
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

  /**
   * One round: makes what serves agree with what was found.
   * @param chosen by their folders, before or now; absent: all. The others are left alone
   */
  async #look(
    { folders: all, fromRegistry }: Found,
    chosen?: (folders: readonly string[]) => boolean,
  ): Promise<void> {
    const concerns = chosen ?? (() => true);
    const before = (name: string) => this.#models.get(name)?.folders ?? [];
    const found = new Map(
      [...all].filter(([name, folders]) => concerns(folders) || concerns(before(name))),
    );
    const gone = [...this.#models.values()].filter(
      ({ name, folders }) => !all.has(name) && !this.#registered.has(name) && concerns(folders),
    );
    for (const [name, folders] of found) {
      const record = this.#models.get(name) ?? new ModelRecord<L>(name, folders);
      record.folders = folders;
      record.removed = false;
      record.registered = fromRegistry.has(name);
      this.#models.set(name, record);
    }
    if (chosen === undefined) this.#addMissing(found);
    const wanted = [...found.keys()].filter((name) => this.#isWanted(name));
    await Promise.all([
      ...wanted.map((name) => this.#bring(name)),
      ...gone.filter((record) => record.folders.length > 0).map((record) => this.#remove(record)),
    ]);
    await this.#ensembles.settle();
  }

  #isWanted(name: string): boolean {
    const { controlMode, loadModels } = this.#options;
    if (this.#registered.has(name)) return true;
    return controlMode !== "explicit" || loadModels.includes("*") || loadModels.includes(name);
  }

  /** A model that was asked for by name and is nowhere gets an entry that says so. */
  #addMissing(found: ReadonlyMap<string, readonly string[]>): void {
    if (this.#options.controlMode !== "explicit") return;
    for (const name of this.#options.loadModels) {
      if (name === "*" || found.has(name)) continue;
      const record = this.#models.get(name) ?? new ModelRecord<L>(name, []);
      record.attempted = true;
      this.#changes.fail(
        record,
        `failed to poll model '${name}': model not found in any model repository.`,
      );
      this.#models.set(name, record);
    }
  }

  /** Never rejects. */
  async #remove(record: ModelRecord<L>): Promise<void> {
    await this.#turns.run(record.name, async () => {
      record.folders = [];
      record.removed = true;
      record.fingerprint = "";
      // Behind the round: whoever still asks is answered first.
      void this.#changes.unload(record).then(() => this.#forget(record.name));
    });
  }

  /** Takes a model that is nowhere off the list, unless it still serves. */
  #forget(name: string): void {
    const record = this.#models.get(name);
    if (record === undefined || record.folders.length > 0 || !record.idle) return;
    if (this.#changes.candidates.has(name)) return;
    this.#models.delete(name);
    this.#changed(name);
  }

  /** Never rejects. */
  async #bring(name: string): Promise<void> {
    if (this.#options.controlMode !== "explicit" || this.#registered.has(name)) {
      return this.#follow(name);
    }
    const record = this.#models.get(name);
    if (record !== undefined) record.attempted = true;
    await this.#explicit.load(name, {});
  }

  /** Loads a model that is new or changed. Never rejects. */
  async #follow(name: string): Promise<void> {
    await this.#turns.run(name, async () => {
      const record = this.#models.get(name);
      if (record === undefined) return;
      if (record.registered) return this.#registered.load(record, false);
      const now = await fingerprint(record.folders);
      if (now === record.fingerprint) return;
      record.fingerprint = now;
      record.attempted = true;
      record.setAliases({});
      try {
        await this.#changes.load(record, { folder: onlyFolder(record) });
      } catch (thrown) {
        this.#changes.fail(record, toStatusError(thrown).message);
      }
    });
  }

  #changed(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }
}

/** By model: more than one folder is a conflict, but for the versions of a registered one. */
interface Found {
  readonly folders: ReadonlyMap<string, readonly string[]>;
  readonly fromRegistry: ReadonlySet<string>;
}

/** @throws StatusError INVALID_ARGUMENT where it is neither an alias of the model nor a number */
function versionOf(record: ModelRecord<unknown> | undefined, version: string): string {
  return record?.alias(version) ?? parseModelVersion(version);
}

/** @throws StatusError where two roots have the model */
function onlyFolder({ name, folders }: ModelRecord<unknown>): string {
  const [folder, ...others] = folders;
  if (folder !== undefined && others.length === 0) return folder;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `failed to poll model '${name}': not unique across all model repositories (${folders.join(", ")})`,
  );
}
