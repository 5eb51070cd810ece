/** How sequences share the instances of a model, as its configuration says (Triton's `ModelSequenceBatching`). */
import type { StateSpec, TensorSpec } from "../../backends/contract.ts";

export interface SequenceRules {
  /** `direct`: a sequence owns a row of an instance. `oldest`: its requests are batched with those of others. */
  readonly strategy: "direct" | "oldest";
  /** A sequence without a request for so long is over, ms. Triton's default: 1 s. */
  readonly maxIdleMs: number;
  /** Longest wait for a fuller batch, ms. */
  readonly maxDelayMs: number;
  /** direct: share of the slots that is worth running at once, 0 … 1. */
  readonly minimumSlotUtilization: number;
  /** oldest: sequences taken from at the same time, per instance. */
  readonly maxCandidateSequences: number;
  readonly preferredRows: readonly number[];
  readonly preserveOrdering: boolean;
  /** Positions in `ModelSignature.made` follow from their `control`. States come last in the variant. */
  readonly states: readonly StateSpec[];
  readonly stateInputs: readonly TensorSpec[];
  readonly stateOutputs: readonly TensorSpec[];
}
