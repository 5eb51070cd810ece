/** What stands in place of a view: a link may lead to a moment that is gone, or to nowhere. */
import { instant } from "./clock.ts";
import { el } from "./dom.ts";
import type { Moment } from "./place.ts";

/** Links are written by people, too. */
function momentText({ id, at }: Moment): string {
  const when = Number.isNaN(Date.parse(at)) ? "a time that is not told" : instant(new Date(at));
  return `${when} (snapshot ${id === "" ? "without a number" : id})`;
}

export const frozenText = (moment: Moment) =>
  `Frozen: this is how it was at ${momentText(moment)}. `;

export const gone = (moment: Moment, goOn: () => void): Node =>
  el(
    "section",
    { class: "notice warn", role: "alert" },
    el(
      "p",
      {},
      `Nothing is shown: this gateway has no snapshot of ${momentText(moment)} any more. `,
      "It keeps those of the last two minutes and some that were frozen; none outlives a restart.",
    ),
    el("button", { type: "button", click: goOn }, "Show how it is now"),
  );

export const nowhere = (view: string, linkTo: (view: string) => string): Node =>
  el(
    "section",
    { class: "notice warn", role: "alert" },
    el("p", {}, `This page has no view '${view}'. `),
    el("a", { href: linkTo("overview") }, "Go to the overview"),
  );
