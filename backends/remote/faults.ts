/** What a far server's gRPC status means here. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { BackendError, type BackendFault } from "../contract.ts";

/**
 * Codes that are not listed (INTERNAL, UNKNOWN, DATA_LOSS, FAILED_PRECONDITION, UNIMPLEMENTED ...)
 * say that the model failed there: `internal`.
 */
const FAULT_OF: Readonly<Partial<Record<status, BackendFault>>> = {
  [status.INVALID_ARGUMENT]: "input",
  [status.OUT_OF_RANGE]: "input",
  [status.RESOURCE_EXHAUSTED]: "exhausted",
  [status.UNAVAILABLE]: "device",
  [status.DEADLINE_EXCEEDED]: "device",
  [status.ABORTED]: "device",
  // The model went away there; another server may have it.
  [status.NOT_FOUND]: "device",
  // Our own credentials, not the client's.
  [status.UNAUTHENTICATED]: "device",
  [status.PERMISSION_DENIED]: "device",
};
/** Triton says UNAVAILABLE where a queue is full (`Exceeds maximum queue size`). */
const QUEUE_IS_FULL = /maximum queue size/i;
const LONGEST_TEXT = 500;

/** Takes what nobody may read out of a text. */
export type Redact = (text: string) => string;

/** @param headers whose values must not appear, wherever the far server repeats them */
export function redactor(headers: Readonly<Record<string, string>>): Redact {
  // "Bearer abc": the server may repeat the token alone.
  const secrets = Object.values(headers)
    .flatMap((value) => [value, ...value.split(" ")])
    .filter((secret) => secret.length > 3)
    .sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "(redacted)"), text);
}

/** @param server the address */
export function asBackendError(error: ServiceError, server: string, redact: Redact): BackendError {
  const { code } = error;
  const details = redact(error.details || error.message).slice(0, LONGEST_TEXT);
  const full = code === status.UNAVAILABLE && QUEUE_IS_FULL.test(details);
  const fault = full ? "exhausted" : (FAULT_OF[code] ?? "internal");
  // No cause: it holds the metadata, and these may hold secrets.
  return new BackendError(fault, `server ${server}: ${status[code] ?? code}: ${details}`);
}
