/** A table that can be sorted, searched and taken along. */
import { copyButton, download, el } from "./dom.ts";
import { set, setting } from "./place.ts";
import { compareValues, csvOf, type Value } from "./values.ts";

export interface Cell {
  readonly text: string;
  /** What it is sorted by and what CSV has; absent: the text. */
  readonly value?: Value | undefined;
  /** In place of the text. */
  readonly node?: Node;
}

export interface Column<Row> {
  readonly title: string;
  /** In addresses; absent: the title. */
  readonly key?: string;
  readonly kind?: "n" | "name" | "text" | "bar";
  cell(row: Row): Cell | string;
}

export interface TableOptions<Row> {
  /** Of the section and of the file. */
  readonly title: string;
  readonly columns: readonly Column<Row>[];
  /** Said where there is nothing. */
  readonly empty: string;
  /** Stands beside the title. */
  readonly more?: readonly Node[];
  /** The same figures, as Prometheus is asked for them. */
  readonly promql?: string;
  /** Rows that are drawn, the first ones by the order; the file has all. Absent: `MOST_ROWS`. */
  readonly most?: number;
}

/** A browser draws them twice a second; nobody reads more. */
const MOST_ROWS = 500;

export function table<Row>(
  rows: readonly Row[],
  options: TableOptions<Row>,
  find: string,
  redraw: () => void,
): HTMLElement {
  const { title, columns, empty, more = [], promql, most = MOST_ROWS } = options;
  const wanted = find.toLowerCase();
  const order = orderOf(title, columns);
  const ordered = inOrder(rows, columns, order);
  const cellsOf = (some: readonly Row[]) =>
    some
      .map((row) => columns.map(({ cell }) => asCell(cell(row))))
      .filter(
        (row) => wanted === "" || row.some(({ text }) => text.toLowerCase().includes(wanted)),
      );
  // Where nothing is looked for, what is not drawn is not written either.
  const shown = wanted === "" ? cellsOf(ordered.slice(0, most)) : cellsOf(ordered).slice(0, most);
  const save = () => {
    const values = cellsOf(ordered).map((row) => row.map(valueIn));
    const text = csvOf(
      columns.map((column) => column.title),
      values,
    );
    download(`${title.toLowerCase().replace(/\W+/g, "-")}.csv`, "text/csv", text);
  };
  const count =
    shown.length === rows.length ? `${rows.length}` : `${shown.length} of ${rows.length}`;
  const head = el(
    "div",
    { class: "head" },
    el("h2", {}, title),
    el("span", { class: "count" }, count),
    el(
      "div",
      { class: "more" },
      ...more,
      ...(promql === undefined ? [] : [copyButton("Copy PromQL", promql)]),
      el("button", { type: "button", click: save }, "CSV"),
    ),
  );
  if (shown.length === 0) {
    const text = rows.length === 0 ? empty : "Nothing of that name.";
    return el(
      "section",
      {},
      head,
      el("div", { class: "scroll" }, el("p", { class: "empty" }, text)),
    );
  }
  const titles = columns.map((column, at) => {
    const isSorted = order?.at === at;
    const sort = isSorted ? (order.down ? "descending" : "ascending") : undefined;
    const press = () => {
      const down = isSorted ? !order.down : column.kind === "n";
      set(`sort.${title}`, `${down ? "-" : ""}${keyOf(column)}`);
      redraw();
    };
    const mark = sort === undefined ? "" : sort === "descending" ? " ↓" : " ↑";
    return el(
      "th",
      { scope: "col", class: column.kind, "aria-sort": sort },
      el("button", { type: "button", click: press }, column.title + mark),
    );
  });
  const body = shown.map((row) =>
    el(
      "tr",
      {},
      ...row.map((cell, at) =>
        el(
          "td",
          { class: columns[at]?.kind, title: columns[at]?.kind === "name" ? cell.text : undefined },
          cell.node ?? cell.text,
        ),
      ),
    ),
  );
  const whole = el("table", {}, el("thead", {}, el("tr", {}, ...titles)), el("tbody", {}, ...body));
  const region = { class: "scroll", tabindex: "0", role: "region", "aria-label": title };
  return el("section", {}, head, tellCut(el("div", region, whole)));
}

/** Columns beyond the edge are told of: a narrow table looks whole where one ends just there. */
function tellCut(scroll: HTMLElement): HTMLElement {
  const tell = () => {
    const left = scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft;
    scroll.classList.toggle("cut", left > 1);
  };
  scroll.addEventListener("scroll", tell, { passive: true });
  new ResizeObserver(tell).observe(scroll);
  return scroll;
}

const keyOf = <Row>({ key, title }: Column<Row>) => key ?? title;

/** As the address says: `p99`, or `-p99` for the largest first. */
function orderOf<Row>(title: string, columns: readonly Column<Row>[]) {
  const said = setting(`sort.${title}`);
  if (said === undefined) return undefined;
  const down = said.startsWith("-");
  const at = columns.findIndex((column) => keyOf(column) === said.slice(down ? 1 : 0));
  return at < 0 ? undefined : { at, down };
}

function asCell(cell: Cell | string): Cell {
  return typeof cell === "string" ? { text: cell } : cell;
}

const valueIn = ({ value, text }: Cell): Value => (value === undefined ? text : value);

function inOrder<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  order: { readonly at: number; readonly down: boolean } | undefined,
): readonly Row[] {
  const column = order && columns[order.at];
  if (column === undefined) return rows;
  const sign = order?.down === true ? -1 : 1;
  return rows
    .map((row) => ({ row, value: valueIn(asCell(column.cell(row))) }))
    .sort((one, other) => sign * compareValues(one.value, other.value))
    .map(({ row }) => row);
}
