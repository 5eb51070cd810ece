/** Results as a person reads them. */
import { type BenchResult, goalMet } from "./result.ts";

export function resultsTable(results: readonly BenchResult[]): string {
  const rows = results.map((result) => [
    result.name,
    number(result.value),
    result.spread ? `${number(result.spread.min)} … ${number(result.spread.max)}` : "",
    result.noise
      ? `${number(result.noise.median)} (${number(result.noise.min)} … ${number(result.noise.max)})`
      : "",
    result.goal ? `${result.goal.kind === "at least" ? "≥" : "≤"} ${result.goal.value}` : "",
    verdict(result),
    result.measures,
  ]);
  return table([["bench", "value", "rounds", "A/A", "goal", "met", "what"], ...rows]);
}

export function figuresList(results: readonly BenchResult[]): string {
  return results
    .map(({ name, figures, errors }) => {
      const lines = Object.entries(figures).map(([what, value]) => `  ${what}: ${number(value)}`);
      const wrong = Object.entries(errors).map(([what, count]) => `  ERROR ${count} × ${what}`);
      return [name, ...lines, ...wrong].join("\n");
    })
    .join("\n");
}

function verdict(result: BenchResult): string {
  const met = goalMet(result);
  return met === undefined ? "" : met ? "yes" : "NO";
}

/** Four significant digits; large numbers as whole numbers with separators. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(4)));
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
