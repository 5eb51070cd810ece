/**
 * The one error a client may see: a code in gRPC's words and a sentence for the
 * person who can act. `grpc/status.ts` and `http/status.ts` turn the code into
 * what goes over the wire; nobody else knows wire codes.
 */

/** gRPC's status codes, in its words. The number is the one on the wire. */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type CodeName = keyof typeof Code;

export interface StatusErrorOptions extends ErrorOptions {
  readonly retryMs?: number;
}

export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly code: CodeName;
  /**
   * When the same may be asked again, ms; -1: never, a retry would be refused like this one; undefined: nobody knows.
   * Goes out as `grpc-retry-pushback-ms` or `Retry-After`.
   */
  readonly retryMs: number | undefined;

  constructor(code: CodeName, message: string, options?: StatusErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryMs = options?.retryMs;
  }
}

/**
 * An error that is an answer and nobody's mistake: without the stack, which tells nothing and was a fifth of what a
 * refusal costs, at a time when most is refused.
 */
export function withoutStack<T extends StatusError>(make: () => T): T {
  const { stackTraceLimit } = stacks;
  stacks.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    stacks.stackTraceLimit = stackTraceLimit;
  }
}

/** V8's own; other engines do not look at it. */
const stacks: ErrorConstructor & { stackTraceLimit?: number | undefined } = Error;

/** Anything thrown, as a StatusError; what nobody foresaw becomes INTERNAL. */
export function toStatusError(thrown: unknown): StatusError {
  if (thrown instanceof StatusError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new StatusError("INTERNAL", message, { cause: thrown });
}
