/** An ensemble as data: which step feeds which (Triton's `ModelEnsembling`). */

export interface EnsembleStep {
  readonly model: string;
  /** Empty: the newest ready one. */
  readonly version: string;
  /** Step's input → ensemble tensor. */
  readonly inputMap: ReadonlyMap<string, string>;
  /** Step's output → ensemble tensor. */
  readonly outputMap: ReadonlyMap<string, string>;
}

export interface EnsemblePlan {
  readonly steps: readonly EnsembleStep[];
  /** Requests of one ensemble request that a decoupled step may have under way downstream; 0: no limit. */
  readonly maxInflightRequests: number;
}
