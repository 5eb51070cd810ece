/** A table that can be sorted, searched and taken along. */
import { copyButton, download, el } from "./dom.ts";
import { set, setting } from "./place.ts";

export interface Cell {
  readonly text: string;
  /** What it is sorted by and what CSV has; absent: the text. */
  readonly value?: number | string | undefined;
  /** In place of the text. */
  readonly node?: Node;
}

export interface Column<Row> {
  readonly title: string;
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
}

export function table<Row>(
  rows: readonly Row[],
  options: TableOptions<Row>,
  find: string,
  redraw: () => void,
): HTMLElement {
  const { title, columns, empty, more = [], promql } = options;
  const cells = rows.map((row) => columns.map(({ cell }) => asCell(cell(row))));
  const wanted = find.toLowerCase();
  const shown = cells.filter(
    (row) => wanted === "" || row.some(({ text }) => text.toLowerCase().includes(wanted)),
  );
  const order = orderOf(title, columns);
  if (order !== undefined) {
    shown.sort((one, other) => compare(one[order.at], other[order.at]));
    if (order.down) shown.reverse();
  }
  const count =
    shown.length === cells.length ? `${cells.length}` : `${shown.length} of ${cells.length}`;
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
      el("button", { type: "button", click: () => saveCsv(title, columns, shown) }, "CSV"),
    ),
  );
  if (shown.length === 0) {
    const text = cells.length === 0 ? empty : "Nothing of that name.";
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
      set(`sort.${title}`, `${down ? "-" : ""}${column.title}`);
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

/** As the address says: `p99`, or `-p99` for the largest first. */
function orderOf(title: string, columns: readonly { readonly title: string }[]) {
  const said = setting(`sort.${title}`);
  if (said === undefined) return undefined;
  const down = said.startsWith("-");
  const at = columns.findIndex((column) => column.title === said.slice(down ? 1 : 0));
  return at < 0 ? undefined : { at, down };
}

function asCell(cell: Cell | string): Cell {
  return typeof cell === "string" ? { text: cell } : cell;
}

const sortedBy = (cell: Cell | undefined) => cell?.value ?? cell?.text ?? "";

function compare(one: Cell | undefined, other: Cell | undefined): number {
  const [a, b] = [sortedBy(one), sortedBy(other)];
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function saveCsv<Row>(
  title: string,
  columns: readonly Column<Row>[],
  rows: readonly Cell[][],
): void {
  // A text that begins like a formula must not become one in a spreadsheet.
  const quoted = (value: unknown) => {
    const text = String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = [
    columns.map((column) => quoted(column.title)),
    ...rows.map((row) => row.map((cell) => quoted(sortedBy(cell)))),
  ];
  download(
    `${title.toLowerCase().replace(/\W+/g, "-")}.csv`,
    "text/csv",
    lines.map((line) => `${line.join(",")}\r\n`).join(""),
  );
}
