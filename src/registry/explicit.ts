/**
 * Loads and unloads that somebody asks for by name (`--model-control-mode=explicit`),
 * with the models that an ensemble's steps need. Rules as in Triton's repository manager.
 */
import type { Clock } from "../clock.ts";
import { StatusError, toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { ModelChanges, ModelSource } from "./changes.ts";
import { parseConfigJson } from "./config-json.ts";
import type { LoadOutcome, LoadOverride } from "./control.ts";
import { isNeeded, stepModels } from "./ensemble-steps.ts";
import type { Ensembles } from "./ensembles.ts";
import { fingerprint } from "./fingerprint.ts";
import type { GivenFiles, GivenFolder } from "./given-files.ts";
import { Limit } from "./limit.ts";
import { ModelRecord } from "./model-record.ts";
import { type PrepareOptions, readWritten } from "./prepare.ts";
import { findModel } from "./scan.ts";
import { Turns } from "./turns.ts";
import type { Loader, ServedModel } from "./types.ts";

export interface ExplicitParts<L> extends PrepareOptions {
  readonly roots: readonly string[];
  readonly models: Map<string, ModelRecord<L>>;
  readonly changes: ModelChanges<L>;
  readonly ensembles: Ensembles<L>;
  readonly turns: Turns;
  readonly given: GivenFiles;
  readonly loader: Loader<L>;
  /** Loads no more once it is aborted. */
  readonly stopping: AbortSignal;
  /** Every version that serves now. */
  served(): readonly ServedModel<L>[];
  /** Takes a model that is nowhere off the list once nothing of it is left. */
  forget(name: string): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** An unload is answered when the model is gone, or after so long where requests still hold it, ms. */
const UNLOAD_WAIT_MS = 2_000;

export class ExplicitControl<L> {
  readonly #parts: ExplicitParts<L>;
  /** Requests about one model in the order in which they came; the models of its steps wait for changes only. */
  readonly #requests = new Turns();
  /** One looks at files at a time: fifty in one turn of the event loop would hold up inference. */
  readonly #reads = new Limit(1);

  constructor(parts: ExplicitParts<L>) {
    this.#parts = parts;
  }

  load(name: string, override: LoadOverride): Promise<LoadOutcome> {
    return this.#requests.run(name, () => this.#load(name, override, true, new Set()));
  }

  /** Resolves when every request was carried out. */
  idle(): Promise<void> {
    return this.#requests.idle();
  }

  /** @param dependents an ensemble takes along the models of its steps that nobody else needs or asked for */
  async unload(name: string, dependents: boolean): Promise<void> {
    const { turns, clock } = this.#parts;
    const { steps, drained } = await this.#requests.run(name, () =>
      turns.run(name, async () => this.#takeOut(name)),
    );
    await this.#parts.ensembles.settle();
    if (dependents) {
      const needless = new Set(steps.filter((step) => !this.#isKept(step)));
      await Promise.all([...needless].map((step) => this.unload(step, true)));
    }
    await orAfter(drained, UNLOAD_WAIT_MS, clock);
  }

  #takeOut(name: string): { steps: readonly string[]; drained: Promise<void> } {
    const { models, changes, forget } = this.#parts;
    const record = models.get(name);
    if (record === undefined) return { steps: [], drained: Promise.resolve() };
    const definitions = [...record.versions].flatMap((version) => version.served ?? []);
    record.asked = false;
    record.fingerprint = "";
    return {
      steps: definitions.flatMap(({ definition }) => stepModels(definition.config)),
      drained: changes.unload(record).then(() => forget(name)),
    };
  }

  #isKept(model: string): boolean {
    const { models, served } = this.#parts;
    return models.get(model)?.asked === true || isNeeded(model, served());
  }

  /** @param visited models of this request: ensembles may lead in a circle */
  async #load(
    name: string,
    { config, files }: LoadOverride,
    asked: boolean,
    visited: Set<string>,
  ): Promise<LoadOutcome> {
    visited.add(name);
    let given: GivenFolder | undefined;
    try {
      if (files !== undefined) {
        // Triton asks for it: the files alone do not say how they are to be served.
        if (config === undefined) throw invalid("files are given without a 'config'");
        given = await this.#parts.given.write(name, files);
      }
      const folder = given?.folder ?? (await this.#reads.run(() => this.#folderOf(name)));
      const source: ModelSource = {
        folder,
        ...(config === undefined ? {} : { config: parseConfigJson(config), always: true }),
        ...(given === undefined ? {} : { given }),
      };
      const polled = await this.#loadSteps(source, visited);
      const { turns, ensembles } = this.#parts;
      const outcome = await turns.run(name, () => this.#loadInTurn(name, source, asked));
      await ensembles.settle();
      if (!polled) return { kind: "not polled" };
      const versions = ensembles.failures(name);
      return versions.size > 0 ? { kind: "failed", versions } : outcome;
    } catch (thrown) {
      return this.#notPolled(name, toStatusError(thrown).message);
    } finally {
      await given?.letGo();
    }
  }

  async #folderOf(name: string): Promise<string> {
    const [folder, ...others] = await findModel(this.#parts.roots, name);
    if (folder === undefined) throw invalid("model not found in any model repository.");
    if (others.length === 0) return folder;
    throw invalid(`not unique across all model repositories (${[folder, ...others].join(", ")})`);
  }

  /** @returns false where one of them is nowhere: Triton then tells the ensemble as not found, too */
  async #loadSteps(source: ModelSource, visited: Set<string>): Promise<boolean> {
    const written =
      source.config ?? (await this.#reads.run(() => readWritten(source.folder, this.#parts)));
    const steps = stepModels(written).filter((step) => !visited.has(step));
    const outcomes = await Promise.all(steps.map((step) => this.#load(step, {}, false, visited)));
    return outcomes.every(({ kind }) => kind !== "not polled");
  }

  async #loadInTurn(name: string, source: ModelSource, asked: boolean): Promise<LoadOutcome> {
    const { models, changes, stopping } = this.#parts;
    if (stopping.aborted) throw new StatusError("UNAVAILABLE", "the server is stopping");
    const record = models.get(name) ?? new ModelRecord<L>(name, []);
    models.set(name, record);
    if (source.given === undefined) record.folders = [source.folder];
    if (asked) record.asked = true;
    const files = source.always ? "" : await this.#reads.run(() => fingerprint(record.folders));
    if (files !== "" && files === record.fingerprint && this.#serves(record)) {
      return { kind: "loaded" };
    }
    // What an override replaced is loaded again by the next load without one.
    record.fingerprint = files;
    try {
      const outcome = await changes.load(record, source);
      record.attempted = true;
      return outcome;
    } catch (thrown) {
      record.fingerprint = "";
      throw thrown;
    } finally {
      this.#parts.forget(name);
    }
  }

  #serves(record: ModelRecord<L>): boolean {
    const versions = [...record.versions].flatMap(({ served }) => served ?? []);
    const healthy = versions.every(
      ({ loaded }) => this.#parts.loader.trouble(loaded) === undefined,
    );
    return versions.length > 0 && healthy && record.allReady();
  }

  #notPolled(name: string, reason: string): LoadOutcome {
    const { models, changes, log } = this.#parts;
    const record = models.get(name);
    if (record === undefined) log.error(`failed to poll model '${name}': ${reason}`);
    else changes.fail(record, reason);
    return { kind: "not polled" };
  }
}

/** Resolves with the work, or after so long without it. */
function orAfter(work: Promise<void>, delayMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(delayMs, resolve);
    void work.finally(() => {
      cancel();
      resolve();
    });
  });
}

function invalid(reason: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", reason);
}
