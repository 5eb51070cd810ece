/** A chart of the last minutes, with the same figures as a table behind it, and the question for Prometheus beside it. */
import { timeOfDay, zoneName } from "./clock.ts";
import { copyButton, el } from "./dom.ts";
import type { Point } from "./history.ts";
import { set, setting } from "./place.ts";
import { table } from "./table.ts";

export interface Series {
  readonly title: string;
  of(point: Point): number | undefined;
}

/** uPlot, as its script puts it there. */
declare const uPlot: new (
  options: object,
  data: readonly (readonly (number | null)[])[],
  target: HTMLElement,
) => { destroy(): void };

const HEIGHT = 200;
/** Each with its own kind of line, for those who see no colours. */
const LINES = [
  { light: "#0b6cab", dark: "#62b0e4", dash: [], mark: "solid" },
  { light: "#c4561a", dark: "#eb9258", dash: [6, 4], mark: "dashed" },
  { light: "#9a4f86", dark: "#cf92be", dash: [2, 3], mark: "dotted" },
];
/** The first series of a chart is its time. */
const markOf = (_: unknown, series: number) => LINES[(series - 1) % LINES.length]?.mark ?? "solid";
/** Between two times on the axis: what is written there has no fractions. */
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];

const drawn = new Map<string, { destroy(): void }>();
/** Frames that are asked for: a tab that nobody sees is given none for hours. */
const frames = new Map<string, number>();

export function chart(
  title: string,
  points: readonly Point[],
  series: readonly Series[],
  format: (value: number) => string,
  redraw: () => void,
  promql: string,
): HTMLElement {
  const as = `as.${title}`;
  const asTable = setting(as) === "table";
  const toggle = el(
    "button",
    {
      type: "button",
      "aria-pressed": String(asTable),
      click: () => {
        set(as, asTable ? undefined : "table");
        redraw();
      },
    },
    "Table",
  );
  if (asTable) {
    const text = (value: number | undefined) => ({
      text: value === undefined ? "–" : format(value),
      value: value ?? null,
    });
    const columns = [
      {
        ...{ key: "at", title: zoneName() },
        cell: ({ at }: Point) => {
          const moment = new Date(at * 1000);
          return { text: timeOfDay(moment), value: moment.toISOString() };
        },
      },
      ...series.map((one) => ({
        title: one.title,
        kind: "n" as const,
        cell: (point: Point) => text(one.of(point)),
      })),
    ];
    const drawn = table(
      [...points].reverse(),
      { title, columns, empty: "Nothing yet.", more: [toggle], promql },
      "",
      redraw,
    );
    drawn.classList.add("of-chart");
    return drawn;
  }
  const box = el("div", {
    class: "chart",
    role: "img",
    "aria-label": `${title}, chart; the button Table shows its figures`,
  });
  const head = el(
    "div",
    { class: "head" },
    el("h2", {}, title),
    el("div", { class: "more" }, toggle, copyButton("Copy PromQL", promql)),
  );
  if (points.length > 1) {
    // It is as wide as its box, which is known once it is on the page.
    cancelAnimationFrame(frames.get(title) ?? 0);
    frames.set(
      title,
      requestAnimationFrame(() => draw(title, box, points, series, format)),
    );
  } else {
    box.append(
      el("p", { class: "empty" }, "A line needs two snapshots: there are none before this one."),
    );
  }
  return el("section", {}, head, box);
}

function draw(
  title: string,
  box: HTMLElement,
  points: readonly Point[],
  series: readonly Series[],
  format: (value: number) => string,
): void {
  if (!box.isConnected) return;
  drawn.get(title)?.destroy();
  const dark =
    getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (document.documentElement.dataset["theme"] === undefined &&
      matchMedia("(prefers-color-scheme: dark)").matches);
  const tick = (value: number) => (value === 0 ? "0" : format(value));
  const ink = getComputedStyle(document.body).color;
  const axis = {
    stroke: ink,
    grid: { stroke: dark ? "#2d373e" : "#e4e7e7", width: 1 },
    ticks: { show: false },
    font: "12px system-ui",
  };
  const options = {
    width: box.clientWidth - 16,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    legend: { show: true, live: false, markers: { dash: markOf } },
    scales: {
      y: { range: (_: unknown, _least: number, most: number) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        ...{ space: 90, size: 32, incrs: SECONDS },
        values: (_: unknown, seconds: number[]) =>
          seconds.map((one) => timeOfDay(new Date(one * 1000)).slice(0, 8)),
      },
      { ...axis, size: 70, values: (_: unknown, values: number[]) => values.map(tick) },
    ],
    series: [
      {},
      ...series.map((one, at) => {
        const line = LINES[at % LINES.length];
        return {
          label: one.title,
          stroke: dark ? line?.dark : line?.light,
          width: 2,
          dash: line?.dash,
          points: { show: false },
          spanGaps: false,
        };
      }),
    ],
  };
  const data = [
    points.map(({ at }) => at),
    ...series.map((one) => points.map((point) => one.of(point) ?? null)),
  ];
  drawn.set(title, new uPlot(options, data, box));
}
