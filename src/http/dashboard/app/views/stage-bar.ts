/** Where the time of a request went: one bar of four parts, always in the order in which they happen. */
import { el, svg } from "../dom.ts";
import { ms } from "../format.ts";

export interface StageTimesUs {
  readonly totalUs: number;
  readonly wireUs: number;
  readonly queueUs?: number | undefined;
  readonly batchUs?: number | undefined;
  readonly computeUs?: number | undefined;
}

const STAGES = [
  { key: "wireUs", name: "wire" },
  { key: "queueUs", name: "queue" },
  { key: "batchUs", name: "batch" },
  { key: "computeUs", name: "compute" },
] as const;

const WIDTH = 240;
const HEIGHT = 12;
/** Of a part that took any time at all. */
const LEAST = 1;

/** @param longestUs as long as the whole bar */
export function stageBar(times: StageTimesUs, longestUs: number): Element {
  const scale = WIDTH / Math.max(1, longestUs);
  let x = 0;
  const parts = STAGES.flatMap(({ key, name }) => {
    const us = times[key] ?? 0;
    if (us <= 0) return [];
    const width = Math.min(WIDTH - x, Math.max(LEAST, us * scale));
    const part = svg("rect", {
      class: `stage ${name}`,
      x: x.toFixed(2),
      y: "0",
      width: Math.max(0, width).toFixed(2),
      height: String(HEIGHT),
    });
    x += width;
    return [part];
  });
  const text = stagesInWords(times);
  const title = svg("title", {});
  title.textContent = text;
  return svg(
    "svg",
    {
      class: "stages",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": text,
    },
    title,
    ...parts,
  );
}

export function stagesInWords(times: StageTimesUs): string {
  return STAGES.flatMap(({ key, name }) => {
    const us = times[key];
    return us === undefined ? [] : [`${name} ${ms(us / 1000)}`];
  }).join(", ");
}

export function stageLegend(): HTMLElement {
  return el(
    "ul",
    { class: "legend", "aria-label": "Parts of a bar, from left to right" },
    ...STAGES.map(({ name }) =>
      el(
        "li",
        {},
        svg(
          "svg",
          { viewBox: "0 0 12 12", width: "12", height: "12", "aria-hidden": "true" },
          svg("rect", { class: `stage ${name}`, x: "0", y: "0", width: "12", height: "12" }),
        ),
        ` ${name}`,
      ),
    ),
  );
}
