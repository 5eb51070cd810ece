/** Parts of Triton's configuration that are read and kept, but cannot be served yet. */
import { StatusError } from "../errors.ts";
import type { ModelConfigFields } from "./model-config.ts";

/**
 * @param backendKind decoupled answers are a matter of the backend
 * @throws StatusError UNAVAILABLE naming the block
 */
export function refuseUnsupported(config: ModelConfigFields, backendKind: string): void {
  const block = unsupportedBlock(config, backendKind);
  if (block === undefined) return;
  throw new StatusError(
    "UNAVAILABLE",
    `model '${config.name ?? ""}': ${block} is not supported by this version of beamgate`,
  );
}

function unsupportedBlock(config: ModelConfigFields, backendKind: string): string | undefined {
  if (config.sequence_batching?.iterative_sequence === true) {
    return "iterative_sequence of sequence_batching";
  }
  if (
    config.model_transaction_policy?.decoupled === true &&
    !["echo", "ensemble"].includes(backendKind)
  ) {
    return `the decoupled transaction policy with backend '${config.backend ?? ""}'`;
  }
  for (const tensor of [...(config.input ?? []), ...(config.output ?? [])]) {
    if (tensor.is_non_linear_format_io === true) {
      return `is_non_linear_format_io of tensor '${tensor.name}'`;
    }
  }
  return undefined;
}
