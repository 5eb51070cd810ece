/** States, told by a word, a shape and a colour. */
import { el } from "../dom.ts";
import { percent } from "../format.ts";
import type { Cell } from "../table.ts";

export type Level = "good" | "warn" | "bad" | "none";

export function mark(level: Level, text: string): Cell {
  return { text, node: el("span", { class: `mark ${level}` }, text) };
}

/** @param part 0 to 1 */
export function bar(part: number | undefined): Cell {
  const text = percent(part);
  if (part === undefined) return { text, value: -1 };
  const drawn = el("meter", { min: "0", max: "1", value: String(part), "aria-label": text });
  return { text, value: part, node: el("span", {}, drawn, ` ${text}`) };
}
