/** What a part of the report is: text, tables, and the charts that the page draws into it. */
import { type Html, html } from "./markup.ts";

export interface Section {
  readonly id: string;
  /** In the list of parts. */
  readonly title: string;
  readonly body: Html;
  /** By the id of the element that holds the chart. */
  readonly charts: Readonly<Record<string, Chart | Strip>>;
}

export type Format = "number" | "percent" | "within" | "plain";

export interface Axis {
  readonly label: string;
  readonly format: Format;
  readonly log?: boolean;
  /** Of a logarithmic axis over few powers of ten: 2 and 5 are labelled too. */
  readonly short?: boolean;
  readonly min?: number;
  readonly max?: number;
}

/** Name of a colour of the style sheet. */
export type Colour = "s1" | "s2" | "s3" | "s4" | "s5" | "s6" | "faint" | "bad";

export interface Series {
  /** Empty: not read out, such as the edge of a band. */
  readonly name: string;
  /** Absent: not drawn. */
  readonly colour?: Colour;
  readonly dashed?: boolean;
  readonly points?: boolean;
  readonly steps?: boolean;
  readonly noLine?: boolean;
}

export interface Chart {
  readonly kind: "lines";
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** x, then one column a series; null: no value there. */
  readonly data: readonly (readonly (number | null)[])[];
  /** Filled between two series, by position counted from 1: [upper, lower]. */
  readonly bands?: readonly (readonly [number, number])[];
  readonly marks?: readonly (
    | {
        readonly x: number;
        readonly text: string;
        readonly colour?: Colour;
        readonly low?: boolean;
        readonly row?: number;
      }
    | { readonly y: number; readonly text: string; readonly colour?: Colour }
  )[];
  /** Error bars, by position of the columns in `data`; `from` and `to` are the bins' edges. */
  readonly bars?: readonly {
    readonly value: number;
    readonly low: number;
    readonly high: number;
    readonly colour: Colour;
    readonly from?: readonly (number | null)[];
    readonly to?: readonly (number | null)[];
  }[];
}

/** Something a slot of the orbit, as colours. */
export interface Strip {
  readonly kind: "strip";
  readonly slots: number;
  readonly layers: readonly {
    readonly id: string;
    readonly name: string;
    readonly unit: string;
    readonly format: Format;
    readonly min: number;
    readonly max: number;
    readonly values: readonly (number | null)[];
  }[];
}

/** The element that the page draws a chart into. @param says what a reader of the picture would see */
export function chartBox(id: string, says: string, chart: Chart, low = false): Html {
  const legend = chart.series.filter(({ name, colour }) => name !== "" && colour !== undefined);
  return html`<div class="chart${low ? " low" : ""}" id="${id}">
${
  legend.length > 1 &&
  html`<ul class="legend">${legend.map(
    ({ name, colour, dashed }) =>
      html`<li><i class="c${colour?.slice(1) ?? "1"}${dashed ? " dashed" : ""}"></i>${name}</li>`,
  )}</ul>`
}
<div class="plot" tabindex="0" role="img" aria-label="${says} Arrow keys read out single values."></div>
<p class="readout" aria-live="polite" data-rest=""></p>
</div>`;
}

export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly (Html | string)[])[],
  textColumns: readonly number[] = [],
): Html {
  const kind = (column: number) => (textColumns.includes(column) ? html` class="text"` : "");
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${head.map((cell, column) => html`<th scope="col"${kind(column)}>${cell}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr>${row.map((cell, column) =>
        column === 0
          ? html`<th scope="row"${kind(0)}>${cell}</th>`
          : html`<td${kind(column)}>${cell}</td>`,
      )}</tr>`,
  )}</tbody>
</table></div>`;
}

/** A bar of a table's row. @param share of the full width. @param colour 1 to 6 */
export function bar(share: number, colour = 1): Html {
  const width = Math.max(0, Math.min(1, share)) * 100;
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"></rect><rect class="f${colour}" width="${width.toFixed(2)}" height="8"></rect></svg>`;
}
