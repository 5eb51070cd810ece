/**
 * Which ensembles can serve, given what serves now: pure, so that it can be asked
 * after every change. Order and texts are those of Triton's dependency graph.
 */
import { StatusError, toStatusError } from "../errors.ts";
import type { EnsembleStep } from "../inference/ensemble-plan.ts";
import { fitSteps } from "./check-steps.ts";
import { stepNames } from "./ensemble-definition.ts";
import type { ModelDefinition } from "./types.ts";

/** The models of the repository, as far as an ensemble must know them. */
export interface Surroundings {
  /** Present in exactly one root. */
  exists(model: string): boolean;
  /** What serves now; `version` empty: the newest. */
  serving(model: string, version: string): ModelDefinition | undefined;
  /** Why a model does not serve, where it failed; may be empty. */
  reason(model: string): string;
}

/** The definition that serves, or why none can. */
export type Verdict = ModelDefinition | StatusError;

/** @param ensembles right in themselves; several versions of one model may be among them */
export function judgeEnsembles(
  ensembles: readonly ModelDefinition[],
  surroundings: Surroundings,
): ReadonlyMap<ModelDefinition, Verdict> {
  const verdicts = new Map<ModelDefinition, Verdict>();
  const named = (model: string) => ensembles.filter((ensemble) => ensemble.name === model);
  for (const ensemble of ensembles) judge(ensemble);
  return verdicts;

  function judge(ensemble: ModelDefinition): Verdict {
    const known = verdicts.get(ensemble);
    if (known !== undefined) return known;
    const verdict = judgeNew(ensemble);
    verdicts.set(ensemble, verdict);
    return verdict;
  }

  function judgeNew(ensemble: ModelDefinition): Verdict {
    const { name, ensemble: plan } = ensemble;
    if (plan === undefined) return ensemble;
    const missing = stepNames(plan).filter((model) => !surroundings.exists(model));
    if (missing.length > 0) {
      const list = missing.toSorted().join(", ");
      return refused(
        `ensemble ${name} contains models that are not available or ambiguous: ${list}`,
      );
    }
    const user = lastInCircle(name);
    if (user !== undefined) {
      return refused(`circular dependency between ensembles: ${name} -> ... -> ${user} -> ${name}`);
    }
    try {
      return fitSteps(
        ensemble,
        plan.steps.map((step) => definitionOf(name, step)),
      );
    } catch (thrown) {
      return toStatusError(thrown);
    }
  }

  /** @throws StatusError where the step has nothing that serves */
  function definitionOf(name: string, { model, version }: EnsembleStep): ModelDefinition {
    const depends = `ensemble '${name}' depends on '${model}'`;
    const inner = named(model).map(judge);
    const failed = inner.find((verdict) => verdict instanceof StatusError);
    const usable = inner.flatMap((one) => (one instanceof StatusError ? [] : [one]));
    if (failed instanceof StatusError && usable.length === 0) {
      throw refused(
        `${depends} which is not valid. Model '${model}' failed with error: ${failed.message}`,
      );
    }
    const found =
      inner.length > 0 ? newestOf(usable, version) : surroundings.serving(model, version);
    if (found !== undefined) return found;
    if (version !== "" && (usable.length > 0 || surroundings.serving(model, "") !== undefined)) {
      throw refused(`${depends} whose required version ${version} is not loaded`);
    }
    const reason = surroundings.reason(model);
    throw refused(
      reason === ""
        ? `${depends} which has no loaded version.`
        : `${depends} which has no loaded version. Model '${model}' loading failed with error: ${reason}`,
    );
  }

  /** The ensemble that closes a circle through `name`, or undefined. */
  function lastInCircle(name: string): string | undefined {
    const seen = new Set<string>();
    const search = (current: string): string | undefined => {
      if (seen.has(current)) return undefined;
      seen.add(current);
      for (const { ensemble: plan } of named(current)) {
        const steps = plan === undefined ? [] : stepNames(plan);
        if (steps.includes(name)) return current;
        for (const step of steps) {
          const found = search(step);
          if (found !== undefined) return found;
        }
      }
      return undefined;
    };
    return search(name);
  }
}

/** @param version empty: the newest */
function newestOf(
  definitions: readonly ModelDefinition[],
  version: string,
): ModelDefinition | undefined {
  if (version !== "") return definitions.find((definition) => definition.version === version);
  return definitions.toSorted((a, b) => (BigInt(a.version) < BigInt(b.version) ? 1 : -1))[0];
}

function refused(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}
