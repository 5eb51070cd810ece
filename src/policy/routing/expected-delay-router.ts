/** Whoever is expected to answer first. */
import { refuse } from "./refusal.ts";
import { type Router, soonestToServe, takes } from "./router.ts";
import { expectedDelayMs } from "./variant-view.ts";
import { delayText, withoutAlternative } from "./views-in-words.ts";

export interface Stickiness {
  /**
   * The variant chosen last is kept until another one's expected delay is shorter by this fraction, so
   * that noise in the measurements does not send every other request elsewhere. Default 0.1.
   */
  readonly fraction?: number;
}

/**
 * The variant with the shortest expected delay; of equals, the first listed. It remembers which it chose
 * last for a client without a wish, and nothing else: one router per model.
 */
export function expectedDelayRouter({ fraction = 0.1 }: Stickiness = {}): Router {
  let last: string | undefined;
  return {
    choose(views, rows, wish, absent) {
      let best = -1;
      let bestMs = Number.POSITIVE_INFINITY;
      let kept = -1;
      let keptMs = Number.POSITIVE_INFINITY;
      for (let index = 0; index < views.length; index += 1) {
        const view = views[index];
        if (view === undefined || !takes(view, wish)) continue;
        const delayMs = expectedDelayMs(view, rows);
        if (view.name === last) {
          kept = index;
          keptMs = delayMs;
        }
        if (best >= 0 && delayMs >= bestMs) continue;
        best = index;
        bestMs = delayMs;
      }
      if (best < 0) {
        const waiting = soonestToServe(views, rows, wish);
        return waiting >= 0 ? waiting : refuse(views, wish, absent);
      }
      const chosen = kept >= 0 && bestMs >= keptMs * (1 - fraction) ? kept : best;
      if (wish === undefined) last = views[chosen]?.name;
      return chosen;
    },

    why(views, rows, wish, chosen) {
      const alone = withoutAlternative(views, chosen, wish);
      if (alone !== undefined) return alone;
      const chosenMs = expectedDelayMs(chosen, rows);
      const quicker = views.find(
        (view) => takes(view, wish) && expectedDelayMs(view, rows) < chosenMs,
      );
      if (quicker === undefined) return `the shortest expected delay: ${delayText(chosen, rows)}`;
      return (
        `kept, as chosen before: ${delayText(chosen, rows)} are expected, and ` +
        `${delayText(quicker, rows)} of "${quicker.name}" are not shorter by ${fraction * 100} %`
      );
    },
  };
}
