/** Whether requests of one client may be joined before they are queued, and to how many rows. */
import type { QueueRules } from "../inference/queue-rules.ts";
import type { ClientTensorSpec, ModelSignature } from "../inference/request.ts";

/** More saves next to nothing, and the batcher can only take a bundle whole. */
const MOST_ROWS = 64;

/** 0: only where rows are rows and every request may share a batch with any other does a bundle change nothing. */
export function bundleRows(signature: ModelSignature, rules: QueueRules): number {
  const { maxBatchSize, inputs, outputs, decoupled, reproducible, made } = signature;
  const { maxQueueSize, defaultTimeoutUs } = rules.defaultPolicy;
  const limited = maxQueueSize > 0 || defaultTimeoutUs > 0 || rules.policies.size > 0;
  if (!rules.dynamic || limited || decoupled || reproducible || made !== undefined) return 0;
  if (![...inputs, ...outputs].every(isPlainRows)) return 0;
  return Math.min(MOST_ROWS, maxBatchSize, rules.preferredRows[0] ?? MOST_ROWS);
}

const isPlainRows = ({ datatype, ragged, shapeTensor, scatteredLike }: ClientTensorSpec) =>
  datatype !== "BYTES" && !ragged && !shapeTensor && scatteredLike === undefined;
