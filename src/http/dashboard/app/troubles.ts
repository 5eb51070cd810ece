/** What went wrong, told above the view until it goes well: of each thing that was tried, the last refusal. */
import { byId, el } from "./dom.ts";

const troubles = new Map<string, string>();

/** @param of what was tried; stands before the text @param text undefined: it went well */
export function tellTrouble(of: string, text: string | undefined): void {
  if (troubles.get(of) === text) return;
  if (text === undefined) troubles.delete(of);
  else troubles.set(of, text);
  draw();
}

/** Elsewhere something else is tried. */
export function forgetTroubles(): void {
  troubles.clear();
  draw();
}

function draw(): void {
  const place = byId("troubles");
  place.hidden = troubles.size === 0;
  place.className = place.hidden ? "" : "notice bad";
  place.replaceChildren(...Array.from(troubles, ([what, why]) => el("p", {}, `${what}: ${why}`)));
}
