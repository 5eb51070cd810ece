/** An operator's order of preference. */
import { refuse } from "./refusal.ts";
import { type Router, soonestToServe, takes } from "./router.ts";
import { expectedDelayMs, type VariantView } from "./variant-view.ts";
import { delayText, withoutAlternative } from "./views-in-words.ts";

export interface Spill {
  /** A request goes on to the next in the order while the expected delay is longer, ms. Default: never. */
  readonly aboveMs: number;
}

/**
 * The first in `order` that serves. With `spill`, the first that is also expected to answer within
 * the limit; where none is, the one expected to answer first.
 * @param order names of variants, or platforms, or vendors. What it does not name comes last, as listed
 */
export function preferenceRouter(order: readonly string[], spill?: Spill): Router {
  const limitMs = spill?.aboveMs ?? Number.POSITIVE_INFINITY;
  return {
    choose(views, rows, wish, absent) {
      let first = -1;
      let firstRank = 0;
      let quickest = -1;
      let quickestMs = Number.POSITIVE_INFINITY;
      for (let index = 0; index < views.length; index += 1) {
        const view = views[index];
        if (view === undefined || !takes(view, wish)) continue;
        const delayMs = expectedDelayMs(view, rows);
        if (quickest < 0 || delayMs < quickestMs) {
          quickest = index;
          quickestMs = delayMs;
        }
        // Of unknown cost is no reason to pass over: without a limit nobody asks for the delay.
        if (delayMs > limitMs) continue;
        const rank = rankOf(view, order);
        if (first >= 0 && rank >= firstRank) continue;
        first = index;
        firstRank = rank;
      }
      if (first >= 0) return first;
      if (quickest >= 0) return quickest;
      const waiting = soonestToServe(views, rows, wish);
      return waiting >= 0 ? waiting : refuse(views, wish, absent);
    },

    why(views, rows, wish, chosen) {
      const alone = withoutAlternative(views, chosen, wish);
      if (alone !== undefined) return alone;
      const delay = delayText(chosen, rows);
      if (spill === undefined) return "the first in the order of preference that serves";
      return expectedDelayMs(chosen, rows) <= limitMs
        ? `the first in the order of preference that is expected to answer within ${limitMs} ms: ${delay}`
        : `none is expected to answer within ${limitMs} ms; it is expected to be the first: ${delay}`;
    },
  };
}

function rankOf(view: VariantView, order: readonly string[]): number {
  for (let rank = 0; rank < order.length; rank += 1) {
    const named = order[rank];
    if (named === view.name || named === view.platform || named === view.vendor) return rank;
  }
  return order.length;
}
