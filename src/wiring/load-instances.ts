/** What a worker is asked to load for a model, and loads that belong together. */
import type { ModelVariant } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import { modelInputs, modelOutputs } from "../inference/model-tensors.ts";
import type { Account } from "../inference/outcome.ts";
import type { Logger } from "../logger.ts";
import type { ModelDefinition, VariantDefinition } from "../registry/types.ts";
import type { Fleet, Instance, LoadRequest } from "../workers/types.ts";
import type { DeviceShares } from "./device-shares.ts";
import type { OriginOf } from "./origin.ts";

export interface LoaderParts {
  readonly fleet: Fleet;
  readonly account: Account;
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent: what runs here is nobody's, and no tenant is charged for it. */
  readonly shares?: DeviceShares | undefined;
  /** Threads per execution where the model's configuration names none. */
  readonly threads: number;
  /** See `SchedulerParts.patienceMs`. */
  readonly patienceMs: number;
  /** What answers tell of where they come from; absent: nothing. */
  readonly originOf?: OriginOf | undefined;
  /**
   * Looks at an instance of a registered artifact before requests come to it, also of one that a board was
   * programmed with later: does it compute what it should? What it throws is why the load failed.
   */
  afterLoad?(
    definition: ModelDefinition,
    variant: VariantDefinition,
    instance: Instance,
  ): Promise<void>;
}

/** Loads one instance, and looks at it where it is of a registered artifact. */
export async function loadInstance(
  parts: Pick<LoaderParts, "fleet" | "threads" | "afterLoad">,
  definition: ModelDefinition,
  variant: VariantDefinition,
  device: string,
  signal: AbortSignal,
): Promise<Instance> {
  const instance = await parts.fleet.load(loadRequest(parts, definition, variant, device), signal);
  // Only what was registered has a vendor of the registry's, and something to be compared with.
  if (variant.vendor === undefined || parts.afterLoad === undefined) return instance;
  try {
    await parts.afterLoad(definition, variant, instance);
    return instance;
  } catch (thrown) {
    await instance.close().catch(() => undefined);
    throw thrown;
  }
}

/** @param device see `LoadRequest.device` */
export function loadRequest(
  { threads }: Pick<LoaderParts, "threads">,
  definition: ModelDefinition,
  { backendKind, artifact }: Pick<VariantDefinition, "backendKind" | "artifact">,
  device: string,
): LoadRequest {
  const cores = coresOf(definition);
  const options = { threads: definition.threads ?? threads, ...(cores ? { cores } : {}) };
  const { signature, warmup } = definition;
  const variant = variantOf(definition, artifact);
  return { backendKind, variant, signature, warmup, options, device };
}

/** All or none: what was loaded before one failed is given back. */
export async function loadAll(loads: readonly Promise<Instance>[]): Promise<Instance[]> {
  const settled = await Promise.allSettled(loads);
  const loaded = settled.flatMap((s) => (s.status === "fulfilled" ? [s.value] : []));
  const failure = settled.find((s) => s.status === "rejected");
  if (!failure) return loaded;
  await Promise.allSettled(loaded.map((instance) => instance.close()));
  throw failure.reason;
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

function variantOf(
  { signature, parameters, sequence }: ModelDefinition,
  artifact: VariantDefinition["artifact"],
): ModelVariant {
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
