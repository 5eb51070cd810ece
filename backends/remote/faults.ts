/** What the failure of a call to a far server means here. */
import { BackendError, type BackendFault } from "../contract.ts";
import { CallFailed, type StatusName } from "./grpc/status.ts";

/** Those that are not listed (INTERNAL, UNKNOWN, UNIMPLEMENTED ...) say that the model failed there: `internal`. */
const FAULT_OF: Readonly<Partial<Record<StatusName, BackendFault>>> = {
  INVALID_ARGUMENT: "input",
  OUT_OF_RANGE: "input",
  RESOURCE_EXHAUSTED: "exhausted",
  UNAVAILABLE: "device",
  DEADLINE_EXCEEDED: "device",
  ABORTED: "device",
  // The model went away there; another server may have it.
  NOT_FOUND: "device",
  // Our own credentials, not the client's.
  UNAUTHENTICATED: "device",
  PERMISSION_DENIED: "device",
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
export function asBackendError(thrown: unknown, server: string, redact: Redact): BackendError {
  const failed = thrown instanceof CallFailed ? thrown : new CallFailed("UNKNOWN", String(thrown));
  const { status } = failed;
  const text = redact(failed.message).slice(0, LONGEST_TEXT);
  const isFull = status === "UNAVAILABLE" && QUEUE_IS_FULL.test(text);
  const fault = isFull ? "exhausted" : (FAULT_OF[status] ?? "internal");
  return new BackendError(fault, `server ${server}: ${status}: ${text}`);
}
