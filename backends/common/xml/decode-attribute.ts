/** `ap_uint&lt;512>` as it is meant: the five entities of XML, and characters by number. */
import { clean } from "../artifact-file/byte-view.ts";

const REFERENCE = /&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot|apos));/g;
const NAMED: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};
const LAST_CODE_POINT = 0x10ffff;

/** Unknown references stay as they are. */
export function decodeAttribute(raw: string): string {
  if (!raw.includes("&")) return clean(raw);
  const decoded = raw.replace(REFERENCE, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return NAMED[name] ?? whole;
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= LAST_CODE_POINT ? String.fromCodePoint(code) : whole;
  });
  return clean(decoded);
}
