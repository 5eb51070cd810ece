/** Tensors that a request wants read from, or written to, memory shared with the client. */
import { StatusError } from "../errors.ts";
import type { Parameters } from "./request.ts";

/** Triton's answer to whoever asks for it on a server started without it. */
export const SHARED_MEMORY_DISABLED =
  "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.";

/**
 * What is wrong with the shared-memory parameters of one tensor, in Triton's
 * order; at last that this server has client shared memory switched off, as
 * Triton has unless it is started with `--allow-client-shm=true`.
 * @returns undefined where the tensor does not mention shared memory.
 */
export function sharedMemoryError(
  tensor: string,
  parameters: Parameters | undefined,
): StatusError | undefined {
  if (parameters === undefined) return undefined;
  const region = parameters.get("shared_memory_region");
  if (region !== undefined && region.type !== "string") {
    return wrongType("shared_memory_region", tensor, "string_param");
  }
  for (const key of ["shared_memory_offset", "shared_memory_byte_size"]) {
    const value = parameters.get(key);
    if (value === undefined) continue;
    if (region === undefined) {
      return new StatusError(
        "INVALID_ARGUMENT",
        `'${key}' can not be specified without 'shared_memory_region' parameter for tensor '${tensor}'`,
      );
    }
    if (value.type !== "int64") return wrongType(key, tensor, "int64_param");
  }
  if (region === undefined) return undefined;
  if (!parameters.has("shared_memory_byte_size")) {
    return new StatusError(
      "INVALID_ARGUMENT",
      `'shared_memory_byte_size' must be specified along with 'shared_memory_region' parameter for tensor '${tensor}'`,
    );
  }
  return new StatusError("UNIMPLEMENTED", SHARED_MEMORY_DISABLED);
}

function wrongType(key: string, tensor: string, expected: string): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `invalid value type for '${key}' parameter for tensor '${tensor}', expected ${expected}.`,
  );
}
