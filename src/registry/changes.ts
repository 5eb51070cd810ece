/**
 * How a model comes and goes: load beside what serves, change over, drain the
 * old. Whoever calls sees to it that changes of one model follow each other
 * (`Turns`); draining is not part of a change, it goes on behind it.
 */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { StatusError, toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { LoadOutcome } from "./control.ts";
import { fingerprint } from "./fingerprint.ts";
import type { GivenFolder } from "./given-files.ts";
import { Limit } from "./limit.ts";
import { type ModelRecord, NOTHING, UNLOADED, type VersionRecord } from "./model-record.ts";
import { noVersion, type PreparedVersion, type PrepareOptions, prepareModel } from "./prepare.ts";
import type { RegisteredModel, RegisteredVersion } from "./published/registered-model.ts";
import { artifactsOf } from "./published/served-artifacts.ts";
import type { Loader, ModelConfigObject, ModelDefinition, ServedModel } from "./types.ts";

/** What a model is loaded from. */
export interface ModelSource {
  readonly folder: string;
  /** In place of the folder's config.pbtxt. */
  readonly config?: ModelConfigObject;
  /** Whose folder it is, where a client gave the files. */
  readonly given?: GivenFolder;
  /** Load again also what did not change. */
  readonly always?: boolean;
}

/** An ensemble that is right in itself; whether it serves hangs on its steps. */
export interface Candidate {
  readonly definition: ModelDefinition;
  readonly source: ModelSource;
}

export interface ChangeOptions<L> extends PrepareOptions {
  /** Versions being loaded at once. */
  readonly maxParallelLoads: number;
  readonly loader: Loader<L>;
  readonly log: Logger;
}

export class ModelChanges<L> {
  /** By name; `ensembles.ts` loads them when their steps serve. */
  readonly candidates = new Map<string, readonly Candidate[]>();
  readonly #options: ChangeOptions<L>;
  readonly #loads: Limit;
  readonly #stopping: AbortSignal;
  readonly #changed: (model: string) => void;
  readonly #given = new WeakMap<ServedModel<L>, GivenFolder>();
  readonly #releases = new Map<
    Promise<void>,
    { readonly name: string; readonly version: string }
  >();

  /**
   * @param stopping gives up loads under way
   * @param changed told of every change of a state
   */
  constructor(options: ChangeOptions<L>, stopping: AbortSignal, changed: (model: string) => void) {
    this.#options = options;
    this.#loads = new Limit(options.maxParallelLoads);
    this.#stopping = stopping;
    this.#changed = changed;
  }

  /**
   * Makes what serves agree with the source. Resolves when every version is
   * READY or has failed; a version that failed serves on as it was before.
   * @throws StatusError for what concerns the model as a whole: nothing was changed then
   */
  async load(record: ModelRecord<L>, source: ModelSource): Promise<LoadOutcome> {
    const { folder, config } = source;
    const options = { ...this.#options, ...(config === undefined ? {} : { config }) };
    const prepared = await this.#loads.run(() => prepareModel(folder, options));
    if (prepared.length === 0) {
      this.fail(record, noVersion(record.name).message);
      return { kind: "no version" };
    }
    record.reason = "";
    const failures = new Map<string, StatusError>();
    await Promise.all(
      this.#setEnsemblesAside(record, source, prepared).map(async (one) => {
        const failure = await this.#loadVersion(record, source, one);
        if (failure !== undefined) failures.set(one.version, failure);
      }),
    );
    // What is to replace the others does not serve: they stay.
    if (failures.size > 0) return { kind: "failed", versions: failures };
    const wanted = new Set(prepared.map(({ version }) => version));
    for (const version of record.versions) {
      if (!wanted.has(version.version)) void this.#unloadVersion(record, version);
    }
    return { kind: "loaded" };
  }

  /**
   * Makes what serves agree with the registry. Resolves when every version serves or has failed. What was
   * retired leaves in any case; the version that requests go to now leaves when there is another.
   */
  async loadRegistered(record: ModelRecord<L>, model: RegisteredModel): Promise<void> {
    record.reason = "";
    const before = record.latest;
    record.setAliases(model.aliases);
    this.#retargeted(record, before);
    const wanted = new Set(model.versions.map(({ version }) => version));
    const leave = (mayLeave: (version: string) => boolean) => {
      for (const version of record.versions) {
        if (wanted.has(version.version) || !mayLeave(version.version)) continue;
        void this.#unloadVersion(record, version);
      }
    };
    leave((version) => !record.isTarget(version));
    await Promise.all(
      model.versions.map((registered) => this.#loadRegisteredVersion(record, registered)),
    );
    leave(() => true);
  }

  async #loadRegisteredVersion(
    record: ModelRecord<L>,
    registered: RegisteredVersion,
  ): Promise<void> {
    const { version, folder, artifacts } = registered;
    const { configName: _, ...options } = this.#options;
    const prepared = await this.#loads.run(async (): Promise<PreparedVersion> => {
      try {
        const [one] = await prepareModel(folder, { ...options, registeredArtifacts: registered });
        return one ?? { version, error: noVersion(record.name) };
      } catch (thrown) {
        return { version, error: toStatusError(thrown) };
      }
    });
    const failure = await this.#loadVersion(record, { folder }, prepared);
    if (failure === undefined) return;
    const known = record.version(version);
    const may = new Set(artifacts.map(({ artifact }) => artifact.digest));
    const does = known?.served === undefined ? [] : artifactsOf(known.served.definition);
    if (known === undefined || does.every(({ artifact }) => may.has(artifact.digest))) return;
    // Better nothing than the answers of an artifact that was retired.
    await this.#unloadVersion(record, known);
    this.#set(record, version, "UNAVAILABLE", failure.message);
  }

  /** Resolves when nothing that was taken out of service answers requests any more. @param version absent: of any */
  async released(name: string, version: string | undefined): Promise<void> {
    const leaving = () =>
      [...this.#releases].filter(
        ([, of]) => of.name === name && (version === undefined || of.version === version),
      );
    for (let left = leaving(); left.length > 0; left = leaving()) {
      await Promise.all(left.map(([release]) => release));
    }
  }

  /** New requests are turned away at once. Resolves when those under way were answered. */
  async unload(record: ModelRecord<L>): Promise<void> {
    this.candidates.delete(record.name);
    for (const { version, state, reason } of record.versions) {
      // Nobody wants it any more: that it failed keeps the server from being ready no longer.
      const failed = state === "UNAVAILABLE" && reason !== UNLOADED;
      if (failed) this.#set(record, version, state, UNLOADED);
    }
    await Promise.all([...record.versions].map((version) => this.#unloadVersion(record, version)));
  }

  /** The ensemble fits its steps. @param definition what it serves by */
  async loadEnsemble(record: ModelRecord<L>, candidate: Candidate, definition: ModelDefinition) {
    const { version } = definition;
    await this.#loadVersion(record, candidate.source, { version, definition });
  }

  /**
   * The ensemble does not fit its steps.
   * @param serves by its old definition, which still does
   */
  refuseEnsemble(record: ModelRecord<L>, version: string, reason: string, serves: boolean): void {
    const known = record.version(version);
    if (known !== undefined && !serves) void this.#unloadVersion(record, known);
    if (known?.reason === reason) return;
    this.#set(record, version, serves ? "READY" : "UNAVAILABLE", reason);
    this.#options.log.error(`failed to load '${record.name}' version ${version}: ${reason}`);
  }

  /** What serves goes on serving; the reason is shown. */
  fail(record: ModelRecord<L>, reason: string): void {
    record.reason = reason;
    for (const { version, state, reason: before } of record.versions) {
      if (before !== UNLOADED) record.set(version, state, reason);
    }
    this.#options.log.error(`failed to load model '${record.name}': ${reason}`);
    this.#changed(record.name);
  }

  /** Resolves when everything that was taken out of service is drained. */
  async drained(): Promise<void> {
    while (this.#releases.size > 0) await Promise.all(this.#releases.keys());
  }

  /** @returns the others */
  #setEnsemblesAside(
    record: ModelRecord<L>,
    source: ModelSource,
    prepared: readonly PreparedVersion[],
  ): readonly PreparedVersion[] {
    const aside: Candidate[] = [];
    const others: PreparedVersion[] = [];
    for (const one of prepared) {
      if (!("definition" in one) || one.definition.ensemble === undefined) others.push(one);
      else aside.push({ definition: one.definition, source });
    }
    if (aside.length > 0) this.candidates.set(record.name, aside);
    else this.candidates.delete(record.name);
    for (const { definition } of aside) {
      const serves = record.version(definition.version)?.served !== undefined;
      this.#set(record, definition.version, serves ? "READY" : "LOADING", "");
    }
    return others;
  }

  async #loadVersion(
    record: ModelRecord<L>,
    source: ModelSource,
    prepared: PreparedVersion,
  ): Promise<StatusError | undefined> {
    const { version } = prepared;
    const { log } = this.#options;
    const files = await fingerprint([join(source.folder, version)]);
    const before = record.version(version)?.served;
    if (this.#isUnchanged(record.version(version), source, prepared, files)) {
      this.#set(record, version, "READY", "");
      return undefined;
    }
    if (before === undefined) this.#set(record, version, "LOADING", "");
    try {
      if ("error" in prepared) throw prepared.error;
      const served = await this.#loads.run(() => this.#loadDefinition(prepared.definition));
      if (source.given !== undefined) {
        source.given.hold();
        this.#given.set(served, source.given);
      }
      this.#set(record, version, "READY", "", { served, fingerprint: files });
      log.info(`successfully loaded '${record.name}' version ${version}`);
      if (before !== undefined) void this.#release(record, version, before);
      return undefined;
    } catch (thrown) {
      const failure = toStatusError(thrown);
      const state = record.version(version)?.served === undefined ? "UNAVAILABLE" : "READY";
      this.#set(record, version, state, failure.message);
      log.error(`failed to load '${record.name}' version ${version}: ${failure.message}`);
      return failure;
    }
  }

  #isUnchanged(
    record: VersionRecord<L> | undefined,
    source: ModelSource,
    prepared: PreparedVersion,
    files: string,
  ): boolean {
    const served = record?.served;
    if (served === undefined || source.always === true || "error" in prepared) return false;
    if (this.#options.loader.trouble(served.loaded) !== undefined) return false;
    return (
      record?.fingerprint === files && isDeepStrictEqual(served.definition, prepared.definition)
    );
  }

  async #loadDefinition(definition: ModelDefinition): Promise<ServedModel<L>> {
    if (this.#stopping.aborted) throw new StatusError("UNAVAILABLE", "the server is stopping");
    return { definition, loaded: await this.#options.loader.load(definition, this.#stopping) };
  }

  #unloadVersion(record: ModelRecord<L>, { version, served }: VersionRecord<L>): Promise<void> {
    if (served === undefined) return Promise.resolve();
    this.#set(record, version, "UNLOADING", "", NOTHING);
    return this.#release(record, version, served);
  }

  /** Nobody can reach it any more. Those whom it still serves are answered, then it is gone. */
  #release(record: ModelRecord<L>, version: string, served: ServedModel<L>): Promise<void> {
    record.leaving(version, 1);
    const release = this.#unload(record, version, served).finally(() => {
      this.#releases.delete(release);
      const left = record.leaving(version, -1);
      if (left > 0 || record.version(version)?.state !== "UNLOADING") return;
      this.#set(record, version, "UNAVAILABLE", UNLOADED);
      this.#options.log.info(`successfully unloaded '${record.name}' version ${version}`);
    });
    this.#releases.set(release, { name: record.name, version });
    return release;
  }

  async #unload(record: ModelRecord<L>, version: string, served: ServedModel<L>): Promise<void> {
    try {
      await this.#options.loader.unload(served.loaded);
      await this.#given.get(served)?.letGo();
    } catch (thrown) {
      const { message } = toStatusError(thrown);
      this.#options.log.error(`failed to unload '${record.name}' version ${version}: ${message}`);
    }
  }

  #set(...[record, ...state]: [ModelRecord<L>, ...Parameters<ModelRecord<L>["set"]>]): void {
    const before = record.latest;
    record.set(...state);
    this.#retargeted(record, before);
    this.#changed(record.name);
  }

  #retargeted(record: ModelRecord<L>, before: ServedModel<L> | undefined): void {
    if (record.latest !== before) this.#options.loader.retargeted?.(record.name);
  }
}
