/** One artifact on one device, as the gate uses it: a batch of requests in, their answers out, one at a time. */
import type { Tensor } from "../../../backends/contract.ts";

export interface GateExecutor {
  readonly device: {
    readonly id: string;
    readonly vendor: string;
    readonly platform: string;
    readonly emulated: boolean;
  };
  /** Most rows of a batch; 0: the model has no batch axis, and a batch is one row. */
  readonly maxBatchSize: number;
  /**
   * Executes exactly these requests as one batch; those that may share none, one after the other.
   * @returns all outputs of each, as copies
   * @throws StatusError, BackendError as the execution does
   */
  execute(
    requests: readonly (readonly Tensor[])[],
    signal: AbortSignal,
  ): Promise<readonly (readonly Tensor[])[]>;
  /** Gives the device back. */
  close(): Promise<void>;
}
