/** Requests that are run before a model serves, as data: the worker makes the tensors. */

export interface WarmupSample {
  readonly name: string;
  /** Times it is run. */
  readonly count: number;
  /** Requests of one row each in every run; 1 for a model without a batch axis. */
  readonly rows: number;
  /** Inputs that are not named here are zero. */
  readonly inputs: readonly WarmupInput[];
}

export interface WarmupInput {
  /** Of one of `ModelVariant.inputs`. */
  readonly name: string;
  /** As a client would send it, without the batch axis. */
  readonly shape: readonly number[];
  /** A file holds the raw elements of one request; what is behind them is not read. */
  readonly data: "zero" | "random" | { readonly file: string };
}
