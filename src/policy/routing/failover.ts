/** Where a request goes after the variant that had it failed. */
import { noneServes } from "./refusal.ts";
import type { Choice } from "./router.ts";
import { expectedDelayMs, serves, type VariantView, willServe } from "./variant-view.ts";
import { type ClientWish, fulfils } from "./wish.ts";

export interface FailoverRules {
  /** Numeric class of the variant that failed: its client expects the same bits. */
  readonly sameClassAs: string;
  /** The model allows answers of another class instead of none. Default false. */
  readonly anyClass?: boolean;
  /** Until the request's deadline, ms; Infinity for none. */
  readonly timeLeftMs: number;
  /** What the client asked for still holds. */
  readonly wish?: ClientWish | undefined;
}

/**
 * The variant expected to answer first among those not `tried` (names) that may take the request and
 * are expected to answer before its deadline. One that serves goes before one that will, and one of
 * the same class before one of another.
 */
export function chooseFailover(
  views: readonly VariantView[],
  tried: readonly string[],
  rows: number,
  rules: FailoverRules,
): Choice {
  const fits = (view: VariantView) =>
    !tried.includes(view.name) && (rules.wish === undefined || fulfils(view, rules.wish));
  const sameClass = (view: VariantView) => fits(view) && view.numericClass === rules.sameClassAs;
  const circles = rules.anyClass === true ? [sameClass, fits] : [sameClass];
  for (const able of [serves, willServe]) {
    for (const mayTake of circles) {
      const found = quickest(views, rows, rules.timeLeftMs, (view) => able(view) && mayTake(view));
      if (found >= 0) return found;
    }
  }
  return refuseFailover(views.filter(rules.anyClass === true ? fits : sameClass), tried, rules);
}

/** Position of the one expected to answer first, and within `timeLeftMs`; -1: there is none. */
function quickest(
  views: readonly VariantView[],
  rows: number,
  timeLeftMs: number,
  mayTake: (view: VariantView) => boolean,
): number {
  let best = -1;
  let bestMs = timeLeftMs;
  for (const [index, view] of views.entries()) {
    if (!mayTake(view)) continue;
    const delayMs = expectedDelayMs(view, rows);
    // Who has no deadline waits for an endless estimate rather than get an error.
    const inTime = delayMs < bestMs || (best < 0 && timeLeftMs === Number.POSITIVE_INFINITY);
    if (!inTime) continue;
    best = index;
    bestMs = delayMs;
  }
  return best;
}

function refuseFailover(
  others: readonly VariantView[],
  tried: readonly string[],
  { sameClassAs, anyClass, timeLeftMs }: FailoverRules,
): Choice {
  const failed = tried.map((name) => `"${name}"`).join(", ");
  if (others.length === 0) {
    const [which, remedy] =
      anyClass === true
        ? ["", "add a variant on other silicon"]
        : [
            ` of numeric class "${sameClassAs}"`,
            "add one, or allow the model to answer in another class",
          ];
    return {
      code: "UNAVAILABLE",
      message: `${failed} failed and no other variant${which} may take its place; ${remedy}`,
    };
  }
  if (!others.some((view) => serves(view) || willServe(view))) {
    return noneServes(others, ` but ${failed}, which failed,`);
  }
  return {
    code: "UNAVAILABLE",
    message:
      `${failed} failed and no other variant is expected to answer within the ` +
      `${Math.max(0, Math.floor(timeLeftMs))} ms left until the deadline`,
  };
}
