/** What the registry knows of a model version, and what it asks of whoever loads it. */
import type { Artifact } from "../../backends/contract.ts";
import type { EnsemblePlan } from "../inference/ensemble-plan.ts";
import type { QueueRules } from "../inference/queue-rules.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { SequenceRules } from "../inference/sequence-rules.ts";
import type { WarmupSample } from "../inference/warmup.ts";
import type { AbsentVariant } from "../policy/routing/variant-view.ts";

/** A ModelConfig message as a plain object: proto field names, enums as strings, int64 as strings, maps as objects. */
export type ModelConfigObject = { readonly [field: string]: unknown };

/** Everything needed to load one version of one model. */
export interface ModelDefinition {
  readonly name: string;
  /** Decimal, without leading zeros. */
  readonly version: string;
  /** Complete: what ModelConfig answers. */
  readonly config: ModelConfigObject;
  readonly signature: ModelSignature;
  readonly rules: QueueRules;
  /** Which backend serves it. */
  readonly backendKind: string;
  readonly artifact: Artifact;
  /** All that serve it, `artifact` among them, in the order of preference; absent: `artifact` alone. */
  readonly variants?: readonly VariantDefinition[];
  /** What `artifact` is called where it serves alone and was registered. */
  readonly only?: VariantDefinition;
  /** Registered for this version, and of no use to this gateway. */
  readonly absent?: readonly AbsentVariant[];
  readonly instances: number;
  /** Threads per execution, where the configuration says so. */
  readonly threads: number | undefined;
  /** `parameters` of the configuration. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Class names by output, where the configuration names a label file. */
  readonly labels?: ReadonlyMap<string, readonly string[]>;
  /** Present for a model with `sequence_batching`. */
  readonly sequence?: SequenceRules;
  /** Present for an ensemble, which has no artifact and no instances of its own. */
  readonly ensemble?: EnsemblePlan;
  /** Run on every instance before the version is READY (`model_warmup`). */
  readonly warmup?: readonly WarmupSample[];
  /** Answers to equal requests may come from the response cache. */
  readonly cacheResponses?: boolean;
  /** What an execution takes from the rate limiter, one entry per instance group. */
  readonly rateLimits?: readonly RateLimit[];
}

/** One artifact that serves a model version, on one kind of device. */
export interface VariantDefinition {
  /** Its folder under the version's; the kind of the backend for the artifact that the configuration names. */
  readonly name: string;
  readonly backendKind: string;
  readonly artifact: Artifact;
  /** Variants of one class give the same bits for the same input. */
  readonly numericClass: string;
  /** Registry that it is of; absent: its manifest or its device says it. */
  readonly vendor?: string;
}

/** Triton's `ModelRateLimiter`. */
export interface RateLimit {
  /** Instances of the group. */
  readonly instances: number;
  /** 1 and 0: highest; an instance with priority 2 runs half as often as one with 1. */
  readonly priority: number;
  readonly resources: readonly {
    readonly name: string;
    /** Shared by all devices. */
    readonly global: boolean;
    readonly count: number;
  }[];
}

/** Handed in by the gateway: turns a definition into something that serves (`L`), and back. */
export interface Loader<L> {
  /** Rejects with the reason that the index will show. */
  load(definition: ModelDefinition, signal: AbortSignal): Promise<L>;
  /** Drains: resolves when the last request was answered and the workers are free. */
  unload(loaded: L): Promise<void>;
  /** Why something that was loaded cannot serve now; undefined: it can. */
  trouble(loaded: L): string | undefined;
  /** Requests that name no version, or an alias, go elsewhere from now on. */
  retargeted?(model: string): void;
}

export interface ServedModel<L> {
  readonly definition: ModelDefinition;
  readonly loaded: L;
}

/** One line of RepositoryIndex. */
export interface IndexEntry {
  readonly name: string;
  /** Empty for a model none of whose versions was ever tried. */
  readonly version: string;
  readonly state: "" | "UNKNOWN" | "READY" | "UNAVAILABLE" | "LOADING" | "UNLOADING";
  readonly reason: string;
}
