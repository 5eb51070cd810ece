/** What the registry knows of a model version, and what it asks of whoever loads it. */
import type { Artifact } from "../../backends/contract.ts";
import type { QueueRules } from "../inference/queue-rules.ts";
import type { ModelSignature } from "../inference/request.ts";

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
  readonly instances: number;
  /** Threads per execution, where the configuration says so. */
  readonly threads: number | undefined;
  /** `parameters` of the configuration. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Class names by output, where the configuration names a label file. */
  readonly labels?: ReadonlyMap<string, readonly string[]>;
}

/** Handed in by the gateway: turns a definition into something that serves (`L`), and back. */
export interface Loader<L> {
  /** Rejects with the reason that the index will show. */
  load(definition: ModelDefinition, signal: AbortSignal): Promise<L>;
  /** Drains: resolves when the last request was answered and the workers are free. */
  unload(loaded: L): Promise<void>;
  /** Why something that was loaded cannot serve now; undefined: it can. */
  trouble(loaded: L): string | undefined;
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
