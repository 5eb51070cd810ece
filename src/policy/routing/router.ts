/** Which variant of a model takes a request: a decision over what the variants show, nothing else. */
import type { Refusal } from "./refusal.ts";
import {
  type AbsentVariant,
  expectedDelayMs,
  serves,
  type VariantView,
  willServe,
} from "./variant-view.ts";
import { type ClientWish, fulfils } from "./wish.ts";

/** A position in the views, or why there is none. A number, so that the hot path allocates nothing. */
export type Choice = number | Refusal;

export interface Router {
  /**
   * Chooses among the variants that fulfil `wish` and serve. Where none serves, the rows wait for
   * the one that is expected to answer first of those that will.
   * @param views in an order that stays the same between calls
   * @param rows of the request
   * @param absent variants that have no device here, for the reason of a refusal
   */
  choose(
    views: readonly VariantView[],
    rows: number,
    wish?: ClientWish,
    absent?: readonly AbsentVariant[],
  ): Choice;
  /** In words: why it chose `chosen` from the same views just now. */
  why(
    views: readonly VariantView[],
    rows: number,
    wish: ClientWish | undefined,
    chosen: VariantView,
  ): string;
}

/** The one expected to answer first of those that do not serve yet but will; -1: there is none. */
export function soonestToServe(
  views: readonly VariantView[],
  rows: number,
  wish: ClientWish | undefined,
): number {
  let best = -1;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let index = 0; index < views.length; index += 1) {
    const view = views[index];
    if (view === undefined || !willServe(view)) continue;
    if (wish !== undefined && !fulfils(view, wish)) continue;
    const delayMs = expectedDelayMs(view, rows);
    if (best >= 0 && delayMs >= bestMs) continue;
    best = index;
    bestMs = delayMs;
  }
  return best;
}

/** It serves, and it is what the client asked for. */
export function takes(view: VariantView, wish: ClientWish | undefined): boolean {
  return serves(view) && (wish === undefined || fulfils(view, wish));
}
