/**
 * The names that requests repeat for ever (models, tensors, datatypes, keys),
 * kept so that reading one allocates nothing. A table of fixed size: a client
 * that sends ever new names replaces entries, it does not add any.
 */
const LONGEST = 48;
const SLOTS = 1024;

const table: string[] = new Array<string>(SLOTS).fill("");

export function isInternable(length: number): boolean {
  return length <= LONGEST;
}

/** @returns undefined where the bytes are not plain ASCII */
export function interned(buffer: Buffer, start: number, length: number): string | undefined {
  let hash = length;
  let bits = 0;
  const end = start + length;
  for (let i = start; i < end; i++) {
    const byte = buffer[i] ?? 0;
    hash = (Math.imul(hash, 31) + byte) | 0;
    bits |= byte;
  }
  if (bits >= 0x80) return undefined;
  const slot = (hash ^ (hash >>> 11)) & (SLOTS - 1);
  const known = table[slot] ?? "";
  if (known.length === length && isEqual(known, buffer, start)) return known;
  const text = buffer.toString("latin1", start, end);
  table[slot] = text;
  return text;
}

function isEqual(text: string, buffer: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) !== buffer[start + i]) return false;
  }
  return true;
}
