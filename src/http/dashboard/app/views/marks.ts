/** States, told by a word, a shape and a colour. */
import { el, svg } from "../dom.ts";
import { percent } from "../format.ts";
import type { Cell } from "../table.ts";

export type Level = "good" | "warn" | "bad" | "none";

export function mark(level: Level, text: string): Cell {
  return { text, node: el("span", { class: `mark ${level}` }, text) };
}

/** @param part 0 to 1 */
export function bar(part: number | undefined): Cell {
  const text = percent(part);
  if (part === undefined) return { text, value: null };
  const width = (100 * Math.min(1, Math.max(0, part))).toFixed(1);
  const drawn = svg(
    "svg",
    // What it shows stands beside it.
    { class: "part", viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { width, height: "1" }),
  );
  return { text, value: part, node: el("span", {}, drawn, ` ${text}`) };
}
