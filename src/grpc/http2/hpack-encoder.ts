/** Writes header blocks that use the static table only: answers of gRPC have next to nothing to index. */
import { STATIC_TABLE } from "./header-table.ts";
import type { ResponseHeaders } from "./protocol.ts";

const NAMES = new Map<string, number>();
const FIELDS = new Map<string, number>();
STATIC_TABLE.forEach(({ name, value }, at) => {
  if (!NAMES.has(name)) NAMES.set(name, at + 1);
  if (value !== "") FIELDS.set(`${name}\0${value}`, at + 1);
});

/** The names are lower case; what is no latin1 in a value is sent as `?`. */
export function encodeHeaders(headers: ResponseHeaders): Buffer {
  const bytes: number[] = [];
  // Pseudo-headers come first, whatever the order of the object.
  for (const pseudo of [true, false]) {
    for (const [name, value] of Object.entries(headers)) {
      if (value === undefined || name.startsWith(":") !== pseudo) continue;
      for (const one of Array.isArray(value) ? value : [value]) {
        pushField(bytes, name, String(one));
      }
    }
  }
  return Buffer.from(bytes);
}

function pushField(bytes: number[], name: string, value: string): void {
  const known = FIELDS.get(`${name}\0${value}`);
  if (known !== undefined) {
    pushNumber(bytes, 0x80, 7, known);
    return;
  }
  const index = NAMES.get(name) ?? 0;
  pushNumber(bytes, 0, 4, index);
  if (index === 0) pushText(bytes, name);
  pushText(bytes, value);
}

function pushText(bytes: number[], text: string): void {
  pushNumber(bytes, 0, 7, text.length);
  for (let at = 0; at < text.length; at++) bytes.push(visible(text.charCodeAt(at)));
}

/** A line break or NUL would make the whole answer malformed. */
function visible(code: number): number {
  return code > 0xff || code === 0 || code === 10 || code === 13 ? 0x3f : code;
}

function pushNumber(bytes: number[], kind: number, prefixBits: number, value: number): void {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) {
    bytes.push(kind | value);
    return;
  }
  bytes.push(kind | mask);
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  bytes.push(rest);
}
