/**
 * Keeps ensembles and the models of their steps together: after every change an
 * ensemble is loaded, refused or taken out of service as `dependencies.ts` judges.
 */
import { isDeepStrictEqual } from "node:util";
import { StatusError } from "../errors.ts";
import type { Candidate, ModelChanges } from "./changes.ts";
import { judgeEnsembles, type Surroundings, type Verdict } from "./dependencies.ts";
import { type ModelRecord, UNLOADED } from "./model-record.ts";
import type { Turns } from "./turns.ts";
import type { ModelDefinition } from "./types.ts";

export interface EnsemblesParts<L> {
  readonly models: ReadonlyMap<string, ModelRecord<L>>;
  readonly changes: ModelChanges<L>;
  readonly turns: Turns;
  /** Loads no more once it is aborted. */
  readonly stopping: AbortSignal;
}

export class Ensembles<L> {
  readonly #parts: EnsemblesParts<L>;
  readonly #surroundings: Surroundings;
  #settling: Promise<void> = Promise.resolve();

  constructor(parts: EnsemblesParts<L>) {
    this.#parts = parts;
    const { models } = parts;
    this.#surroundings = {
      exists(model) {
        const record = models.get(model);
        return record !== undefined && (record.folders.length === 1 || record.latest !== undefined);
      },
      serving: (model, version) => this.#serves(model, version),
      reason(model) {
        const record = models.get(model);
        const reasons = [...(record?.versions ?? [])].map(({ reason }) => reason);
        return [record?.reason ?? "", ...reasons].find((r) => r !== "" && r !== UNLOADED) ?? "";
      },
    };
  }

  /**
   * Makes the ensembles agree with what serves; called when something changed, by
   * nobody whose turn it is. Never rejects.
   */
  settle(): Promise<void> {
    this.#settling = this.#settling.then(() => this.#settleOnce());
    return this.#settling;
  }

  /** Why versions of an ensemble do not serve as they are configured; empty also for other models. */
  failures(name: string): ReadonlyMap<string, StatusError> {
    const failures = new Map<string, StatusError>();
    for (const { definition } of this.#parts.changes.candidates.get(name) ?? []) {
      const reason = this.#parts.models.get(name)?.version(definition.version)?.reason ?? "";
      if (reason !== "") {
        failures.set(definition.version, new StatusError("INVALID_ARGUMENT", reason));
      }
    }
    return failures;
  }

  async #settleOnce(): Promise<void> {
    const { changes, turns } = this.#parts;
    const candidates = [...changes.candidates.values()]
      .flat()
      .flatMap((one) => this.#current(one) ?? []);
    const byDefinition = new Map(candidates.map((one) => [one.definition, one]));
    const verdicts = judgeEnsembles([...byDefinition.keys()], this.#surroundings);
    // Inner ones come first.
    for (const [definition, verdict] of verdicts) {
      const candidate = byDefinition.get(definition);
      const { name } = definition;
      if (candidate) await turns.run(name, () => this.#apply(name, candidate, verdict));
    }
  }

  /** One whose configuration broke meanwhile serves on by the old one, or not at all. */
  #current(candidate: Candidate): Candidate | undefined {
    const { name, version } = candidate.definition;
    const old = this.#serves(name, version);
    const broken = (this.#parts.models.get(name)?.reason ?? "") !== "";
    if (!broken) return candidate;
    return old && { ...candidate, definition: old };
  }

  async #apply(name: string, candidate: Candidate, verdict: Verdict): Promise<void> {
    const { models, changes, stopping } = this.#parts;
    const { version } = candidate.definition;
    const record = models.get(name);
    // Whoever changed it meanwhile settles, too.
    const stands = changes.candidates.get(name)?.some(({ source }) => source === candidate.source);
    if (record === undefined || stands !== true || stopping.aborted) return;
    const old = this.#serves(name, version);
    if (verdict instanceof StatusError) {
      const still = old && judgeEnsembles([old], this.#surroundings).get(old);
      const serves = still !== undefined && !(still instanceof StatusError);
      const reason = this.#stepWasUnloaded(candidate.definition) ? UNLOADED : verdict.message;
      changes.refuseEnsemble(record, version, reason, serves);
    } else if (!isDeepStrictEqual(old, verdict)) {
      await changes.loadEnsemble(record, candidate, verdict);
    }
  }

  /** Somebody took a step away on purpose, and the ensemble with it: Triton gives both the same reason. */
  #stepWasUnloaded({ ensemble }: ModelDefinition): boolean {
    return (ensemble?.steps ?? []).some(({ model }) => {
      const step = this.#parts.models.get(model);
      if (step === undefined || step.removed) return false;
      const versions = [...step.versions];
      // Its last requests may not be answered yet.
      const leaves = versions.map(
        ({ state, reason }) => state === "UNLOADING" || reason === UNLOADED,
      );
      return leaves.length > 0 && !leaves.includes(false);
    });
  }

  /** @param version empty: the newest */
  #serves(name: string, version: string): ModelDefinition | undefined {
    const record = this.#parts.models.get(name);
    return (version === "" ? record?.latest : record?.serving(version))?.definition;
  }
}
