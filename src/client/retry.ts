/** Whether and when a refused call is made again; pure. */
import type { ErrorCode } from "./error.ts";

export interface RetryOptions {
  /** Calls in all; 1: none is made again. */
  readonly attempts: number;
  /** Before the second attempt, ms, where the server does not say; doubled each time. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export const DEFAULT_RETRY: RetryOptions = {
  attempts: 4,
  firstDelayMs: 100,
  longestDelayMs: 5_000,
};

export interface Refusal {
  readonly code: ErrorCode;
  /** What the server said (`grpc-retry-pushback-ms`), gRFC A6: -1 is never. */
  readonly pushbackMs: number | undefined;
  /** Calls made so far. */
  readonly attempts: number;
  /** Until the deadline, ms. */
  readonly leftMs: number;
}

/** Nothing of these was executed, or it may be again. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["UNAVAILABLE", "RESOURCE_EXHAUSTED"]);

/**
 * How long to wait, ms; undefined: not again. Without a word of the server only UNAVAILABLE is tried again: more
 * of the same is no help where something is used up. What could not come in time is given up at once.
 * @param random from 0 to 1: clients that were refused together do not come back together
 */
export function retryDelayMs(
  { code, pushbackMs, attempts, leftMs }: Refusal,
  options: RetryOptions,
  random: number,
): number | undefined {
  if (!PASSING.has(code) || attempts >= options.attempts) return undefined;
  if (pushbackMs !== undefined && pushbackMs < 0) return undefined;
  if (pushbackMs === undefined && code !== "UNAVAILABLE") return undefined;
  const backoffMs = Math.min(options.firstDelayMs * 2 ** (attempts - 1), options.longestDelayMs);
  const delayMs = pushbackMs ?? backoffMs * (0.8 + 0.4 * random);
  return delayMs < leftMs ? delayMs : undefined;
}
