/** Why a call has no answer, in gRPC's words and the server's. */

/** gRPC's status codes by number; `OK` never ends in an error. */
const CODES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

export type ErrorCode = Exclude<(typeof CODES)[number], "OK">;

export interface ErrorDetails extends ErrorOptions {
  readonly retryMs?: number | undefined;
  readonly attempts?: number | undefined;
}

export class InferenceError extends Error {
  override readonly name = "InferenceError";
  /** `UNKNOWN` for an answer of a stream that is an error: those carry a text and no code. */
  readonly code: ErrorCode;
  /** Of the service: `ModelInfer`, … */
  readonly method: string;
  /** What the server said, without what is added in `message`. */
  readonly reason: string;
  /** When the server takes the same again, ms; -1: never; undefined: it did not say. */
  readonly retryMs: number | undefined;
  /** How often it was asked. */
  readonly attempts: number;

  constructor(code: ErrorCode, method: string, reason: string, details: ErrorDetails = {}) {
    const { retryMs, attempts = 1, ...options } = details;
    const often = attempts > 1 ? ` (asked ${attempts} times)` : "";
    super(`${method}: ${code}: ${reason}${often}`, options);
    this.code = code;
    this.method = method;
    this.reason = reason;
    this.retryMs = retryMs;
    this.attempts = attempts;
  }
}

/** @param code as on the wire. @returns UNKNOWN for a number that gRPC does not define, as gRPC asks for */
export function errorCode(code: number): ErrorCode {
  const name = CODES[code];
  return name === undefined || name === "OK" ? "UNKNOWN" : name;
}
