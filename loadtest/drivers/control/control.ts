/** What is asked of a server beside inference: who it is, what its model takes, what it has counted. */

export interface ServerIdentity {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** Batch axis included where the model has one; -1 for an axis of any length. */
  readonly shape: readonly number[];
}

export interface ModelFacts {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /** 0: no batch axis. undefined: the server does not tell (ModelConfig is Triton's). */
  readonly maxBatchSize: number | undefined;
  /** Of instance groups: how many instances serve it; undefined where the server does not tell. */
  readonly instances: number | undefined;
}

/** Counters since the model was loaded; differences of two mean something. */
export interface Statistics {
  /** Rows. */
  readonly inferences: number;
  /** Batches. */
  readonly executions: number;
  readonly success: CountAndTime;
  readonly fail: CountAndTime;
  readonly queue: CountAndTime;
  readonly computeInput: CountAndTime;
  readonly computeInfer: CountAndTime;
  readonly computeOutput: CountAndTime;
  /** Executions by rows of the batch. */
  readonly batches: ReadonlyMap<number, number>;
}

export interface CountAndTime {
  readonly count: number;
  readonly ms: number;
}

export interface Control {
  server(): Promise<ServerIdentity>;
  /** @throws Error with the server's words, where it has no such model */
  model(name: string, version: string): Promise<ModelFacts>;
  /** undefined: not told by the server. All versions together where `version` is empty. */
  statistics(name: string, version: string): Promise<Statistics | undefined>;
  /** By the model repository extension. @throws ControlError */
  load(model: string): Promise<void>;
  unload(model: string): Promise<void>;
  close(): void;
}

/** A question that got no answer: `refused` in the server's own words, `unimplemented` where it does not know it. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  readonly kind: "refused" | "unimplemented" | "unavailable";
  constructor(kind: ControlError["kind"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** @returns undefined where the server does not know the question */
export async function ifKnown<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (thrown) {
    if (thrown instanceof ControlError && thrown.kind === "unimplemented") return undefined;
    throw thrown;
  }
}
