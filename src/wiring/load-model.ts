/** From a model's definition to something that serves it: instances in workers, a pool, a queue. */
import type { ModelSignature } from "../inference/request.ts";
import { Pool } from "../pool/pool.ts";
import type { Loader, ModelDefinition, VariantDefinition } from "../registry/types.ts";
import { EnsembleScheduler } from "../scheduling/ensemble.ts";
import type { RateLimiter } from "../scheduling/rate-limiter.ts";
import { Scheduler } from "../scheduling/scheduler.ts";
import { SequenceScheduler } from "../scheduling/sequence-scheduler.ts";
import type { Served } from "../scheduling/served.ts";
import { loadAll, loadInstance } from "./load-instances.ts";
import { loadVariants, type VariantLoaderParts } from "./load-variants.ts";
import { checkRateLimits, gatesOf } from "./rate-limits.ts";
import type { StepLine } from "./step-line.ts";

interface LoadFacts {
  readonly loadSeconds: number;
  readonly batchInvariant: boolean | undefined;
}

export interface ModelLoaderParts extends VariantLoaderParts {
  /** Told of every version that was loaded. */
  loaded(signature: ModelSignature, facts: LoadFacts): void;
  /** For ensembles: the way to the models of their steps. */
  readonly steps: StepLine;
  /** True once the gateway stops. */
  closing(): boolean;
  /** undefined: executions are not limited. */
  readonly rateLimiter?: RateLimiter | undefined;
}

export function modelLoader(parts: ModelLoaderParts): Loader<Served> {
  const { account, clock, log, patienceMs } = parts;
  return {
    async load(definition, signal) {
      const { signature, rules, ensemble: plan } = definition;
      const start = clock.now();
      if (plan !== undefined) {
        parts.loaded(signature, { loadSeconds: 0, batchInvariant: undefined });
        return new EnsembleScheduler({ signature, plan, line: parts.steps, account, clock });
      }
      checkRateLimits(parts.rateLimiter, definition.rateLimits);
      const variants = definition.variants ?? onlyVariant(definition, parts);
      if (variants !== undefined) {
        const routed = await loadVariants(parts, definition, variants, signal);
        parts.loaded(signature, {
          loadSeconds: (clock.now() - start) / 1000,
          batchInvariant: routed.instances[0]?.report.batchInvariant,
        });
        return routed;
      }
      const only = definition.only ?? soleVariant(definition);
      const loads = Array.from({ length: definition.instances }, () =>
        loadInstance(parts, definition, only, "cpu", signal),
      );
      const instances = await loadAll(loads);
      parts.loaded(signature, {
        loadSeconds: (clock.now() - start) / 1000,
        batchInvariant: instances[0]?.report.batchInvariant,
      });
      const gates = (wake: () => void) => gatesOf(parts.rateLimiter, definition.rateLimits, wake);
      const pool = new Pool(instances, clock.now, gates);
      const { sequence } = definition;
      const share = parts.shares?.ofOwnWorkers();
      const rest = { patienceMs, origin: parts.originOf?.(definition, only), share };
      if (sequence) {
        const rules = sequence;
        return new SequenceScheduler({ signature, rules, pool, account, clock, log, ...rest });
      }
      return new Scheduler({ signature, rules, pool, account, clock, log, ...rest });
    },

    async unload(served) {
      // At the end of the process everybody was answered or cut off already.
      if (!parts.closing()) {
        await parts.steps.free(served);
        await served.drain();
      }
      await served.close();
    },

    trouble: (served) => served.trouble,
  };
}

/** A model with one artifact for devices that are chosen: the same, without a choice of variants. */
function onlyVariant(
  definition: ModelDefinition,
  parts: ModelLoaderParts,
): readonly VariantDefinition[] | undefined {
  const { backendKind, sequence, signature } = definition;
  if (!parts.perDevice(backendKind) || sequence !== undefined || signature.decoupled) {
    return undefined;
  }
  return [soleVariant(definition)];
}

/** The artifact that the configuration names. */
function soleVariant({ backendKind, artifact, parameters }: ModelDefinition): VariantDefinition {
  const numericClass = parameters["numeric_class"] || "float32";
  return { name: backendKind, backendKind, artifact, numericClass };
}
