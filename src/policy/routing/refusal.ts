/** Why no variant takes a request, in words for whoever sent it. */
import type { CodeName } from "../../errors.ts";
import type { VariantView } from "./variant-view.ts";
import { type ClientWish, describeWish, fulfils, WISHES } from "./wish.ts";

export interface Refusal {
  readonly code: Extract<CodeName, "UNAVAILABLE" | "INVALID_ARGUMENT">;
  readonly message: string;
}

/** INVALID_ARGUMENT where no variant is what the client asks for; else UNAVAILABLE: none of them serves. */
export function refuse(views: readonly VariantView[], wish: ClientWish | undefined): Refusal {
  if (wish === undefined) return noneServes(views, "");
  const wanted = views.filter((view) => fulfils(view, wish));
  if (wanted.length > 0) return noneServes(wanted, ` of ${describeWish(wish)}`);
  if (views.length === 0) return noneServes(views, "");
  const keys = WISHES.filter(({ field }) => wish[field] !== undefined).map(
    ({ parameter }) => `'${parameter}'`,
  );
  return {
    code: "INVALID_ARGUMENT",
    message:
      `no variant of ${describeWish(wish)}: there ${views.length === 1 ? "is" : "are"} ` +
      `${views.map(describe).join(", ")}; ask for one of them, or leave out ${keys.join(" and ")}`,
  };
}

/** @param which what the listed views have in common, as the rest of "no variant" */
export function noneServes(views: readonly VariantView[], which: string): Refusal {
  if (views.length === 0) {
    return { code: "UNAVAILABLE", message: "the model has no variant in service; load one" };
  }
  const states = views.map((view) => `${view.name} (${stateOf(view)})`).join(", ");
  return {
    code: "UNAVAILABLE",
    message: `no variant${which} serves now: ${states}; send the request again later`,
  };
}

function describe({ name, vendor, platform, numericClass }: VariantView): string {
  return `${name} (vendor ${vendor}, platform ${platform}, numeric class ${numericClass})`;
}

function stateOf(view: VariantView): string {
  if (!view.allowed) return "its devices failed and are being probed";
  if (view.ready) return "serving";
  if (view.readyInMs === undefined) return "not ready";
  return `ready in about ${Math.ceil(view.readyInMs)} ms`;
}
