/** A whole body and what its headers say of it, as a request. */
import { StatusError } from "../../errors.ts";
import type { ModelSignature, Pieces } from "../../inference/request.ts";
import { ALL_BINARY } from "./output-form.ts";
import { readRawRequest } from "./raw-request.ts";
import { type InferBody, type RequestPlace, readInferRequest } from "./read-request.ts";

/**
 * @param jsonBytes where the JSON ends and raw tensors begin; 0: the body is a tensor and nothing else
 * @throws StatusError
 */
export function readInferBody(
  body: Pieces,
  jsonBytes: number,
  signature: ModelSignature,
  place: RequestPlace,
): InferBody {
  if (jsonBytes > 0) return readInferRequest(body, jsonBytes, place);
  return { wire: readRawRequest(body, signature, place.version), outputs: ALL_BINARY };
}

/** @throws StatusError for a model that may answer a request more than once, or not at all */
export function requireOneAnswer(signature: ModelSignature): void {
  if (!signature.decoupled) return;
  throw new StatusError(
    "UNIMPLEMENTED",
    "HTTP end point doesn't support models with decoupled transaction policy",
  );
}

export const secondAnswer = () => new StatusError("INTERNAL", "expected a single response, got 2");
