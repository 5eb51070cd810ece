/** What a server tells of itself and its models. */

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** Batch axis included; -1 for an axis of any length. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  /** Those that are ready. */
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** `ModelConfig` of the protocol, its fields in camel case; those that every model has are typed. */
export interface ModelConfig extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly platform: string;
  readonly backend: string;
  readonly maxBatchSize: number;
}

export interface IndexEntry {
  readonly name: string;
  readonly version: string;
  /** READY, UNAVAILABLE, LOADING, UNLOADING; empty where it never was loaded. */
  readonly state: string;
  /** Why it is not ready. */
  readonly reason: string;
}

export interface Duration {
  readonly count: number;
  /** Sum, ns. */
  readonly ns: number;
}

export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** ms since 1970. */
  readonly lastInference: number;
  /** Rows. */
  readonly inferenceCount: number;
  /** Batches. */
  readonly executionCount: number;
  readonly inferenceStats: Readonly<
    Record<
      | "success"
      | "fail"
      | "queue"
      | "computeInput"
      | "computeInfer"
      | "computeOutput"
      | "cacheHit"
      | "cacheMiss",
      Duration | null
    >
  >;
  readonly batchStats: readonly {
    /** Rows. */
    readonly batchSize: number;
    readonly computeInput: Duration | null;
    readonly computeInfer: Duration | null;
    readonly computeOutput: Duration | null;
  }[];
}
