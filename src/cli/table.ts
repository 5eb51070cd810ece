/** Rows of text under a head, in columns as wide as they need to be. */

/** Control characters and what else begins a line. */
const STEERING = /[\p{Cc}\u2028\u2029]/gu;
/** The same, without the cost of a replacement; most texts have none. */
const HAS_STEERING = /[\p{Cc}\u2028\u2029]/u;

/** Of the line under the head of the last column, whose cells may have any length. */
const LONGEST_RULE = 100;

/** Anything that could move the cursor or start a new line becomes visible instead. */
export function printable(text: string): string {
  if (!HAS_STEERING.test(text)) return text;
  return text.replace(
    STEERING,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Lines without a final newline; columns are two spaces apart, the last one is not padded.
 * @param painted the cell in colour; gets it as it will stand there, spaces included
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  painted: (cell: string, column: number) => string = (cell) => cell,
): string {
  const lines = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, column) =>
    lines.reduce((widest, line) => Math.max(widest, line[column]?.length ?? 0), 0),
  );
  const [first = [], ...others] = lines;
  const last = head.length - 1;
  const rule = widths.map((width, column) =>
    "-".repeat(column === last ? Math.min(width, LONGEST_RULE) : width),
  );
  const laidOut = (line: readonly string[], finish: (cell: string, column: number) => string) =>
    head
      .map((_, column) => {
        const cell = line[column] ?? "";
        return finish(column === last ? cell : cell.padEnd(widths[column] ?? 0), column);
      })
      .join("  ")
      .trimEnd();
  const plain = (cell: string) => cell;
  return [
    laidOut(first, plain),
    laidOut(rule, plain),
    ...others.map((line) => laidOut(line, painted)),
  ].join("\n");
}
