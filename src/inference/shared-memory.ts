/** Tensors that a request wants read from, or written to, memory shared with the client. */
import { StatusError } from "../errors.ts";
import type { Parameters } from "./request.ts";
import type { SharedRange } from "./shared-regions.ts";

/** Triton's answer to whoever asks for it on a server started without it. */
const SHARED_MEMORY_DISABLED =
  "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.";

export function sharedMemoryDisabled(): StatusError {
  return new StatusError("UNIMPLEMENTED", SHARED_MEMORY_DISABLED);
}

/** Triton's answer where it was built without CUDA. */
export function cudaNotSupported(region: string): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `failed to register CUDA shared memory region: '${region}', GPUs not supported`,
  );
}

/**
 * Where the parameters of a tensor say that its bytes lie; or, in Triton's order
 * and words, what is wrong with them.
 * @returns undefined where the tensor does not mention shared memory
 */
export function sharedRangeOf(
  tensor: string,
  parameters: Parameters | undefined,
): SharedRange | StatusError | undefined {
  if (parameters === undefined) return undefined;
  const region = parameters.get("shared_memory_region");
  if (region !== undefined && region.type !== "string") {
    return wrongType("shared_memory_region", tensor, "string_param");
  }
  const numbers = { shared_memory_offset: 0, shared_memory_byte_size: undefined } as {
    shared_memory_offset: number;
    shared_memory_byte_size: number | undefined;
  };
  for (const key of ["shared_memory_offset", "shared_memory_byte_size"] as const) {
    const value = parameters.get(key);
    if (value === undefined) continue;
    if (region === undefined) {
      return new StatusError(
        "INVALID_ARGUMENT",
        `'${key}' can not be specified without 'shared_memory_region' parameter for tensor '${tensor}'`,
      );
    }
    if (value.type !== "int64") return wrongType(key, tensor, "int64_param");
    numbers[key] = unsigned(value.value);
  }
  if (region === undefined) return undefined;
  const { shared_memory_offset: offset, shared_memory_byte_size: byteLength } = numbers;
  if (byteLength === undefined) {
    return new StatusError(
      "INVALID_ARGUMENT",
      `'shared_memory_byte_size' must be specified along with 'shared_memory_region' parameter for tensor '${tensor}'`,
    );
  }
  return { region: region.value, offset, byteLength };
}

/** Triton reads a negative one as size_t: far beyond any region. */
function unsigned(value: number | bigint): number {
  return value < 0 ? Number(BigInt.asUintN(64, BigInt(value))) : Number(value);
}

function wrongType(key: string, tensor: string, expected: string): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `invalid value type for '${key}' parameter for tensor '${tensor}', expected ${expected}.`,
  );
}
