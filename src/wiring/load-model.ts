/** From a model's definition to something that serves it: instances in workers, a pool, a queue. */
import type { ModelVariant } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import { modelInputs, modelOutputs } from "../inference/model-tensors.ts";
import type { Account } from "../inference/outcome.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { Logger } from "../logger.ts";
import { Pool } from "../pool/pool.ts";
import type { Loader, ModelDefinition } from "../registry/types.ts";
import { EnsembleScheduler } from "../scheduling/ensemble.ts";
import type { RateLimiter } from "../scheduling/rate-limiter.ts";
import { Scheduler } from "../scheduling/scheduler.ts";
import { SequenceScheduler } from "../scheduling/sequence-scheduler.ts";
import type { Served } from "../scheduling/served.ts";
import type { Fleet, Instance } from "../workers/types.ts";
import { checkRateLimits, gatesOf } from "./rate-limits.ts";
import type { StepLine } from "./step-line.ts";

interface LoadFacts {
  readonly loadSeconds: number;
  readonly batchInvariant: boolean | undefined;
}

export interface LoaderParts {
  readonly fleet: Fleet;
  readonly account: Account;
  /** Told of every version that was loaded. */
  loaded(signature: ModelSignature, facts: LoadFacts): void;
  /** For ensembles: the way to the models of their steps. */
  readonly steps: StepLine;
  /** True once the gateway stops. */
  closing(): boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Threads per execution where the model's configuration names none. */
  readonly threads: number;
  /** undefined: executions are not limited. */
  readonly rateLimiter?: RateLimiter | undefined;
  /** See `SchedulerParts.patienceMs`. */
  readonly patienceMs: number;
}

export function modelLoader(parts: LoaderParts): Loader<Served> {
  const { fleet, account, clock, log, patienceMs } = parts;
  return {
    async load(definition, signal) {
      const { signature, rules, ensemble: plan } = definition;
      const start = clock.now();
      if (plan !== undefined) {
        parts.loaded(signature, { loadSeconds: 0, batchInvariant: undefined });
        return new EnsembleScheduler({ signature, plan, line: parts.steps, account, clock });
      }
      checkRateLimits(parts.rateLimiter, definition.rateLimits);
      const instances = await loadInstances(parts, definition, signal);
      parts.loaded(signature, {
        loadSeconds: (clock.now() - start) / 1000,
        batchInvariant: instances[0]?.report.batchInvariant,
      });
      const gates = (wake: () => void) => gatesOf(parts.rateLimiter, definition.rateLimits, wake);
      const pool = new Pool(instances, clock.now, gates);
      const { sequence } = definition;
      if (sequence) {
        const parts = { signature, rules: sequence, pool, account, clock, log, patienceMs };
        return new SequenceScheduler(parts);
      }
      return new Scheduler({ signature, rules, pool, account, clock, log, patienceMs });
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

  /** All or none: what was loaded before one failed is given back. */
  async function loadInstances(
    { threads }: LoaderParts,
    definition: ModelDefinition,
    signal: AbortSignal,
  ): Promise<Instance[]> {
    const variant = variantOf(definition);
    const cores = coresOf(definition);
    const options = { threads: definition.threads ?? threads, ...(cores ? { cores } : {}) };
    const { backendKind, signature, warmup } = definition;
    const loads = Array.from({ length: definition.instances }, () =>
      fleet.load({ backendKind, variant, signature, warmup, options, device: "cpu" }, signal),
    );
    const settled = await Promise.allSettled(loads);
    const loaded = settled.flatMap((s) => (s.status === "fulfilled" ? [s.value] : []));
    const failure = settled.find((s) => s.status === "rejected");
    if (!failure) return loaded;
    await Promise.allSettled(loaded.map((instance) => instance.close()));
    throw failure.reason;
  }
}

/** `parameters { key: "cores" value { string_value: "0,2" } }`: CPU numbers its workers are pinned to. */
function coresOf({ name, parameters }: ModelDefinition): readonly number[] | undefined {
  const text = parameters["cores"];
  if (text === undefined) return undefined;
  if (!/^\d{1,4}(,\d{1,4})*$/.test(text)) {
    const reason = `parameter 'cores' is '${text}', expected CPU numbers such as 0,2`;
    throw new StatusError("INVALID_ARGUMENT", `model '${name}': ${reason}`);
  }
  return text.split(",").map(Number);
}

function variantOf({ signature, artifact, parameters, sequence }: ModelDefinition): ModelVariant {
  // A state that clients may see is among their outputs already.
  const states = sequence?.stateOutputs.filter(
    ({ name }) => !signature.outputs.some((output) => output.name === name),
  );
  return {
    model: signature.name,
    version: signature.version,
    inputs: [...modelInputs(signature), ...(sequence?.stateInputs ?? [])],
    outputs: [...modelOutputs(signature), ...(states ?? [])],
    ...(sequence && { states: sequence.states }),
    maxBatchSize: signature.maxBatchSize,
    artifact,
    decoupled: signature.decoupled,
    parameters,
  };
}
