/** How long a stub server takes for an answer: laws whose percentiles are known on paper. */

export type ServiceLaw =
  | { readonly kind: "none" }
  | { readonly kind: "fixed"; readonly ms: number }
  | { readonly kind: "exponential"; readonly meanMs: number }
  /** Answers that fall due in the last `stallMs` of every `everyMs` wait for the end of it. */
  | {
      readonly kind: "stalls";
      readonly ms: number;
      readonly stallMs: number;
      readonly everyMs: number;
    };

const FORMS = "none, fixed:MS, exponential:MEAN_MS or stalls:MS,STALL_MS,EVERY_MS";

/** @throws Error with the forms that there are */
export function parseLaw(text: string): ServiceLaw {
  const [kind = "", numbers = ""] = text.split(":", 2);
  const [a = Number.NaN, b = Number.NaN, c = Number.NaN] =
    numbers === "" ? [] : numbers.split(",").map(Number);
  if (kind === "none" && numbers === "") return { kind };
  if (kind === "fixed" && a >= 0) return { kind, ms: a };
  if (kind === "exponential" && a > 0) return { kind, meanMs: a };
  if (kind === "stalls" && a >= 0 && b > 0 && c > b) {
    return { kind, ms: a, stallMs: b, everyMs: c };
  }
  throw new Error(`law '${text}': expected ${FORMS}`);
}

/**
 * @param nowMs since the server's start
 * @param random a number from 0 (included) to 1
 * @returns when a request that came at `nowMs` is answered
 */
export function answerAt(law: ServiceLaw, nowMs: number, random: () => number): number {
  switch (law.kind) {
    case "none":
      return nowMs;
    case "fixed":
      return nowMs + law.ms;
    case "exponential":
      return nowMs - law.meanMs * Math.log(1 - random());
    case "stalls": {
      const due = nowMs + law.ms;
      const inPeriod = due % law.everyMs;
      return inPeriod < law.everyMs - law.stallMs ? due : due + law.everyMs - inPeriod;
    }
  }
}

/**
 * The latency that `share` (0..1) of requests do not exceed, where they come evenly
 * over time, whatever the server does (an open loop).
 */
export function quantileOf(law: ServiceLaw, share: number): number {
  switch (law.kind) {
    case "none":
      return 0;
    case "fixed":
      return law.ms;
    case "exponential":
      return -law.meanMs * Math.log(1 - share);
    case "stalls": {
      // What falls due in the stall, a share of `stalled`, waits evenly from 0 to all of it.
      const stalled = law.stallMs / law.everyMs;
      const over = share - (1 - stalled);
      return over <= 0 ? law.ms : law.ms + law.stallMs * (over / stalled);
    }
  }
}
