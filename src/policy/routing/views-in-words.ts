/** What a choice was made from, and why it was made, for people. */
import { expectedDelayMs, serves, type VariantView } from "./variant-view.ts";
import type { ClientWish } from "./wish.ts";
import { describeWish, fulfils } from "./wish.ts";

/** A copy that stays as it is when the variants go on. */
export function snapshot(views: readonly VariantView[], rows: number) {
  return views.map((view) => {
    const delayMs = expectedDelayMs(view, rows);
    return {
      name: view.name,
      vendor: view.vendor,
      platform: view.platform,
      numericClass: view.numericClass,
      ready: view.ready,
      allowed: view.allowed,
      readyInMs: view.ready ? undefined : view.readyInMs,
      queuedRows: view.queuedRows,
      inFlightRows: view.inFlightRows,
      instances: view.instances,
      expectedDelayMs: Number.isFinite(delayMs) ? delayMs : undefined,
    };
  });
}

/** "0.42 ms", or that nobody knows. */
export function delayText(view: VariantView, rows: number): string {
  const delayMs = expectedDelayMs(view, rows);
  return Number.isFinite(delayMs) ? `${Number(delayMs.toPrecision(3))} ms` : "unknown";
}

/** Why there was nothing to weigh; undefined: several could have taken the request. */
export function withoutAlternative(
  views: readonly VariantView[],
  chosen: VariantView,
  wish: ClientWish | undefined,
): string | undefined {
  const asked = wish === undefined ? "" : ` of those with ${describeWish(wish)}`;
  const fitting = views.filter((view) => wish === undefined || fulfils(view, wish));
  if (!serves(chosen)) {
    return `none${asked} serves now; it is expected to answer first of those that will`;
  }
  return fitting.filter(serves).length === 1 ? `the only one${asked} that serves now` : undefined;
}
