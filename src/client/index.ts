/** `beamgate/client`: what of this room is for others. */
export { InferenceClient, type LoadOptions } from "./client.ts";
export type {
  Duration,
  IndexEntry,
  ModelConfig,
  ModelMetadata,
  ModelStatistics,
  ServerMetadata,
  TensorMetadata,
} from "./descriptions.ts";
export { type ErrorCode, InferenceError } from "./error.ts";
export { fromBf16, fromFp16, toBf16, toFp16 } from "./half-floats.ts";
export {
  type InferRequest,
  InferResult,
  type RequestedOutput,
  type Sequence,
} from "./infer-message.ts";
export type { CallOptions, ClientOptions, Tls } from "./options.ts";
export type { Parameters, ParameterValue } from "./parameters.ts";
export type { RetryOptions } from "./retry.ts";
export type { InferStream, StreamAnswer } from "./stream.ts";
export {
  type ArrayOf,
  type Datatype,
  type Tensor,
  tensor,
  texts,
  type ValuesOf,
} from "./tensor.ts";
