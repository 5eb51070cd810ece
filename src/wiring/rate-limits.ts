/** The rate limiter as the configuration asks for it, and the gates of a model's instances. */
import type { Clock } from "../clock.ts";
import type { Config } from "../config/load.ts";
import type { Gate } from "../pool/lane.ts";
import type { RateLimit } from "../registry/types.ts";
import { RateLimiter } from "../scheduling/rate-limiter.ts";

/** Of the only device there is. */
const CPU = 0;

/** undefined with `--rate-limit=off`. */
export function rateLimiterOf(slice: Config["rateLimit"], clock: Clock): RateLimiter | undefined {
  if (slice.mode === "off") return undefined;
  const available = new Map<string, number>();
  for (const written of slice.resources) {
    const [name = "", count = "", device = CPU] = written.split(":");
    if (Number(device) === CPU) available.set(name, Number(count));
  }
  // Twice: a scheduler may itself wait a turn before it asks for its next batch.
  return new RateLimiter({ available, later: (fire) => clock.soon(() => clock.soon(fire)) });
}

/** @throws StatusError with Triton's text where an instance could never run */
export function checkRateLimits(
  limiter: RateLimiter | undefined,
  limits: readonly RateLimit[] | undefined,
): void {
  for (const limit of limits ?? []) limiter?.check(limit);
}

/** One for each instance that needs resources, in their order; none where nothing is limited. */
export function gatesOf(
  limiter: RateLimiter | undefined,
  limits: readonly RateLimit[] | undefined,
  wake: () => void,
): readonly (Gate | undefined)[] {
  if (limiter === undefined || limits === undefined) return [];
  return limits.flatMap((limit) =>
    Array.from({ length: limit.instances }, () =>
      limit.resources.length === 0 ? undefined : limiter.join(limit, wake),
    ),
  );
}
