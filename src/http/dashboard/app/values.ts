/** What tables are sorted by and what their files have. Pure. */

/** null: it is not known, which is less than anything that is. */
export type Value = number | string | null;

export function compareValues(one: Value, other: Value): number {
  if (one === null || other === null) return Number(other === null) - Number(one === null);
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other), "en", { numeric: true });
}

/** Lines of RFC 4180. What is not known is empty. */
export function csvOf(titles: readonly string[], rows: readonly (readonly Value[])[]): string {
  return [titles, ...rows].map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}

/** A text that begins like a formula must not become one in a spreadsheet. */
function quoted(value: Value): string {
  const text = value === null ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
