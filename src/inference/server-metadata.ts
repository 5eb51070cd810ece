/** Who this server says it is: the same over gRPC and HTTP. */

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

/** Triton's official examples insist on this name. */
const NAME = "triton";

/**
 * Extensions of the protocol by Triton's names, in Triton's order. The list is Triton's
 * whole one: clients look for `statistics` and the like before they use them. CUDA shared
 * memory is in it as in the list of a tritonserver without a GPU.
 */
const EXTENSIONS = [
  "classification",
  "sequence",
  "model_repository",
  "model_repository(unload_dependents)",
  "schedule_policy",
  "model_configuration",
  "system_shared_memory",
  "cuda_shared_memory",
  "binary_tensor_data",
  "parameters",
  "statistics",
  "trace",
  "logging",
];

/** @param version of this gateway */
export function serverMetadata(version: string): ServerMetadata {
  return { name: NAME, version, extensions: EXTENSIONS };
}
