/** Figures as lines for a terminal of a given size; pure. */
import { type Colour, paint } from "../paint.ts";
import { printable } from "../table.ts";
import type { DeviceFigures, Figures, ModelFigures, TenantFigures } from "./figures.ts";

export interface ScreenSize {
  readonly columns: number;
  /** Infinity: all of it. */
  readonly rows: number;
}

export interface Told {
  /** Where it was asked. */
  readonly origin: string;
  /** UTC. */
  readonly time: string;
  /** What goes before everything else: frozen, or nobody answers. */
  readonly remark?: string;
}

interface Column<T> {
  readonly head: string;
  readonly cell: (each: T) => string;
  /** Numbers stand on the right. */
  readonly right?: true;
  readonly colour?: (each: T) => Colour | undefined;
  /** What a narrow terminal does without first: the largest. 0: it stays. */
  readonly rank: number;
}

const HEALTHY = ["READY", "ready", "present"];
const stateColour = (state: string): Colour =>
  HEALTHY.includes(state)
    ? "green"
    : state === "UNAVAILABLE" || state === "failed"
      ? "red"
      : "yellow";

const MODELS: readonly Column<ModelFigures>[] = [
  { head: "MODEL", cell: ({ name, version }) => (version ? `${name}:${version}` : name), rank: 0 },
  {
    head: "STATE",
    cell: ({ state }) => state || "-",
    colour: ({ state }) => stateColour(state),
    rank: 1,
  },
  { head: "REQ/S", cell: (each) => rate(each.requestsPerSecond), right: true, rank: 2 },
  { head: "ROWS/S", cell: (each) => rate(each.rowsPerSecond), right: true, rank: 0 },
  {
    head: "FAIL/S",
    cell: (each) => rate(each.failuresPerSecond),
    colour: ({ failuresPerSecond }) => (failuresPerSecond > 0 ? "red" : undefined),
    right: true,
    rank: 3,
  },
  { head: "BATCH", cell: (each) => figure(each.batchRows), right: true, rank: 6 },
  { head: "QUEUE MS", cell: (each) => figure(each.queueMs), right: true, rank: 4 },
  { head: "COMPUTE MS", cell: (each) => figure(each.computeMs), right: true, rank: 5 },
  { head: "REASON", cell: ({ reason }) => reason, rank: 7 },
];

const DEVICES: readonly Column<DeviceFigures>[] = [
  { head: "DEVICE", cell: ({ id, emulated }) => (emulated ? `${id} (emulated)` : id), rank: 0 },
  {
    head: "STATE",
    cell: ({ state, breaker }) =>
      breaker && breaker !== "closed" ? `${state}, breaker ${breaker}` : state,
    colour: ({ state, breaker }) => (breaker === "open" ? "red" : stateColour(state)),
    rank: 0,
  },
  {
    head: "BUSY",
    cell: ({ busy, utilisation }) => percent(busy ?? utilisation),
    right: true,
    rank: 1,
  },
  { head: "ROWS/S", cell: ({ rowsPerSecond }) => rate(rowsPerSecond), right: true, rank: 2 },
  { head: "°C", cell: ({ temperatureC }) => figure(temperatureC), right: true, rank: 6 },
  { head: "W", cell: ({ powerW }) => figure(powerW), right: true, rank: 7 },
  { head: "LEASED TO", cell: ({ leasedTo }) => leasedTo ?? "-", rank: 5 },
  { head: "HOLDS", cell: ({ model }) => holds(model), rank: 3 },
];

const TENANTS: readonly Column<TenantFigures>[] = [
  { head: "TENANT", cell: ({ name }) => name, rank: 0 },
  { head: "SHARE", cell: ({ share }) => percent(share), right: true, rank: 0 },
  { head: "GUARANTEED", cell: ({ guarantee }) => percent(guarantee), right: true, rank: 4 },
  { head: "WEIGHT", cell: ({ weight }) => figure(weight), right: true, rank: 5 },
  { head: "REQ/S", cell: (each) => rate(each.requestsPerSecond), right: true, rank: 3 },
  { head: "ROWS/S", cell: (each) => rate(each.rowsPerSecond), right: true, rank: 1 },
  {
    head: "REFUSED/S",
    cell: (each) => rate(each.refusedPerSecond),
    colour: ({ refusedPerSecond = 0 }) => (refusedPerSecond > 0 ? "yellow" : undefined),
    right: true,
    rank: 2,
  },
  { head: "OF ITS QUOTA", cell: ({ quotaUsed }) => quotaText(quotaUsed), rank: 6 },
];

/** Lines without line ends, none wider than the terminal, no more than it has rows. */
export function screen(figures: Figures, told: Told, size: ScreenSize, colour: boolean): string[] {
  const { devices, tenants, models } = figures;
  const total = models.reduce((sum, { rowsPerSecond }) => sum + rowsPerSecond, 0);
  const ready = models.filter(({ state }) => state === "READY").length;
  const summary = `${told.origin}  ${told.time}  ${rate(total)} rows/s  ${ready} of ${models.length} models ready`;
  const head = [
    cut(summary, size.columns),
    ...(told.remark === undefined ? [] : [paint(cut(told.remark, size.columns), "yellow", colour)]),
  ];
  const below = [
    ...section(devices, DEVICES, size.columns, colour),
    ...section(tenants, TENANTS, size.columns, colour),
  ];
  const left = size.rows - head.length - below.length;
  const above = section(models, MODELS, size.columns, colour, Math.max(left, 6));
  return [...head, ...above, ...below].slice(0, size.rows);
}

/** A blank line, a head, a line each. @param most lines in all */
function section<T>(
  items: readonly T[] | string,
  columns: readonly Column<T>[],
  width: number,
  colour: boolean,
  most = Number.POSITIVE_INFINITY,
): string[] {
  if (typeof items === "string") return ["", paint(cut(items, width), "dim", colour)];
  if (items.length === 0) return [];
  const room = most - 2;
  const shown = items.length > room ? items.slice(0, Math.max(room - 1, 1)) : items;
  const left = items.length - shown.length;
  return [
    "",
    ...laidOut(shown, columns, width, colour),
    ...(left > 0 ? [paint(cut(`and ${left} more`, width), "dim", colour)] : []),
  ];
}

function laidOut<T>(
  items: readonly T[],
  columns: readonly Column<T>[],
  width: number,
  colour: boolean,
): string[] {
  // A column that has nothing to say takes no room.
  const telling = columns.filter(
    ({ cell, rank }) => rank === 0 || items.some((each) => !["", "-"].includes(cell(each))),
  );
  const cells = new Map(
    telling.map((column) => [column, items.map((each) => printable(column.cell(each)))]),
  );
  const widthOf = (column: Column<T>) =>
    Math.max(column.head.length, ...(cells.get(column) ?? []).map(({ length }) => length));
  const chosen = fitting(telling, widthOf, width);
  const widths = chosen.map((column, at) =>
    at === 0
      ? Math.min(widthOf(column), Math.max(width - rest(chosen, widthOf), 8))
      : widthOf(column),
  );
  const line = (texts: readonly string[], colours: readonly (Colour | undefined)[]) => {
    let free = width;
    const parts = texts.map((text, at) => {
      const wide = Math.max(Math.min(widths[at] ?? 0, free), 0);
      free -= wide + 2;
      const short = cut(text, wide);
      const padded = chosen[at]?.right ? short.padStart(wide) : short.padEnd(wide);
      return paint(padded, colours[at], colour);
    });
    return parts.join("  ").trimEnd();
  };
  const heads = chosen.map(({ head }) => head);
  return [
    line(
      heads,
      heads.map(() => "dim"),
    ),
    ...items.map((each, at) =>
      line(
        chosen.map((column) => cells.get(column)?.[at] ?? ""),
        chosen.map((column) => column.colour?.(each)),
      ),
    ),
  ];
}

/** Space of all columns but the first, and between them. */
function rest<T>(columns: readonly Column<T>[], widthOf: (column: Column<T>) => number): number {
  return columns.slice(1).reduce((sum, column) => sum + 2 + widthOf(column), 0);
}

/** The last column may be cut, as long as a little of it is there. */
const LEAST_LAST = 8;

function fitting<T>(
  columns: readonly Column<T>[],
  widthOf: (column: Column<T>) => number,
  width: number,
): readonly Column<T>[] {
  const cuttable = (column: Column<T>, at: number, all: readonly Column<T>[]) =>
    at === all.length - 1 && !column.right
      ? Math.min(widthOf(column), LEAST_LAST)
      : widthOf(column);
  const needed = (all: readonly Column<T>[]) =>
    all.reduce((sum, column, at) => sum + (at > 0 ? 2 : 0) + cuttable(column, at, all), 0);
  let chosen = columns;
  while (needed(chosen) > width) {
    const worst = Math.max(...chosen.map(({ rank }) => rank));
    if (worst === 0) break;
    chosen = chosen.filter(({ rank }) => rank !== worst);
  }
  return chosen;
}

function cut(text: string, width: number): string {
  const plain = printable(text);
  return plain.length <= width ? plain : `${plain.slice(0, Math.max(width - 1, 0))}…`;
}

/** `0`, `3.2`, `950`, `12.4k`, `3.10M` */
export function rate(value: number | undefined): string {
  if (value === undefined) return "-";
  if (value < 9.95) return value === 0 ? "0" : value.toFixed(1);
  if (value < 9_999.5) return value.toFixed(0);
  return value < 999_950 ? `${(value / 1e3).toFixed(1)}k` : `${(value / 1e6).toFixed(2)}M`;
}

function figure(value: number | undefined): string {
  if (value === undefined) return "-";
  return Number(value.toPrecision(3)).toString();
}

function percent(part: number | undefined): string {
  return part === undefined ? "-" : `${Math.round(part * 100)}%`;
}

function holds(models: string | null): string {
  if (models === null) return "-";
  const names = models.split(", ");
  return names.length > 2 ? `${names.length} models` : models;
}

function quotaText(used: Readonly<Record<string, number>>): string {
  return Object.entries(used)
    .map(([limit, part]) => `${limit} ${percent(part)}`)
    .join(", ");
}
