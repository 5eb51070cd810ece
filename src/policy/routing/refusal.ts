/** Why no variant takes a request, in words for whoever sent it. */
import type { CodeName } from "../../errors.ts";
import {
  type AbsentVariant,
  type VariantIdentity,
  type VariantView,
  willServe,
} from "./variant-view.ts";
import { type ClientWish, describeWish, fulfils, WISHES } from "./wish.ts";

export interface Refusal {
  readonly code: Extract<CodeName, "UNAVAILABLE" | "FAILED_PRECONDITION">;
  readonly message: string;
}

/**
 * UNAVAILABLE where it is a matter of time: whoever asks again may be served. FAILED_PRECONDITION where
 * what the client insists on is not there, or does not serve and nobody knows that it ever will.
 * @param absent variants of the model that are not among `views`
 */
export function refuse(
  views: readonly VariantView[],
  wish: ClientWish | undefined,
  absent: readonly AbsentVariant[] = [],
): Refusal {
  if (wish === undefined) return noneServes(views, "");
  const wanted = views.filter((view) => fulfils(view, wish));
  if (wanted.some(isAwayForNow)) return noneServes(wanted, ` of ${describeWish(wish)}`);
  if (wanted.length > 0) {
    return failed(`no variant of ${describeWish(wish)} serves: ${states(wanted)}`, OTHER, wish);
  }
  const known = absent.filter((variant) => fulfils(variant, wish));
  if (known.length > 0) {
    const reasons = known.map(({ name, reason }) => `${name} (${reason})`).join(", ");
    return failed(`no variant of ${describeWish(wish)} serves: ${reasons}`, OTHER, wish);
  }
  if (views.length === 0) return noneServes(views, "");
  return failed(
    `no variant of ${describeWish(wish)}: there ${views.length === 1 ? "is" : "are"} ` +
      views.map((view) => describeVariant(view, wish.digest !== undefined)).join(", "),
    "ask for one of them",
    wish,
  );
}

const OTHER = "ask for one that serves";

/** What a request is told that insists on something that is not to be had. */
function failed(why: string, remedy: string, wish: ClientWish): Refusal {
  const keys = WISHES.filter(({ field }) => wish[field] !== undefined).map(
    ({ parameter }) => `'${parameter}'`,
  );
  const message = `${why}; ${remedy}, or leave out ${keys.join(" and ")}`;
  return { code: "FAILED_PRECONDITION", message };
}

/** @param which what the listed views have in common, as the rest of "no variant" */
export function noneServes(views: readonly VariantView[], which: string): Refusal {
  if (views.length === 0) {
    return { code: "UNAVAILABLE", message: "the model has no variant in service; load one" };
  }
  return {
    code: "UNAVAILABLE",
    message: `no variant${which} serves now: ${states(views)}; send the request again later`,
  };
}

/** @param withDigest its artifact is told, too */
export function describeVariant(variant: VariantIdentity, withDigest: boolean): string {
  const { name, vendor, platform, numericClass, digest } = variant;
  const artifact = withDigest && digest ? `, digest ${digest}` : "";
  return `${name} (vendor ${vendor}, platform ${platform}, numeric class ${numericClass}${artifact})`;
}

/** Its breakers are open, it is being loaded, or it will be given a device. */
const isAwayForNow = (view: VariantView) => !view.allowed || view.ready || willServe(view);

const states = (views: readonly VariantView[]) =>
  views.map((view) => `${view.name} (${stateOf(view)})`).join(", ");

function stateOf(view: VariantView): string {
  if (!view.allowed) return "its devices failed and are being probed";
  if (view.ready) return "serving";
  if (view.readyInMs === undefined) return "not ready";
  return `ready in about ${Math.ceil(view.readyInMs)} ms`;
}
