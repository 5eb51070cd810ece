/** Sizes and bytes of Protocol Buffers' varints and length-delimited fields, for writing in one pass. */

/** Bytes of a whole number up to 2^53 as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}

/** Of a field with a number below 16: tag, length, content. */
export function fieldSize(contentBytes: number): number {
  return 1 + varintSize(contentBytes) + contentBytes;
}

/** @returns the position behind it */
export function writeVarint(into: Buffer, value: number, at: number): number {
  let rest = value;
  let position = at;
  while (rest >= 0x80) {
    into[position++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  into[position++] = rest;
  return position;
}

/** Tag and length of a length-delimited field with a number below 16. @returns the position behind them */
export function writeHead(into: Buffer, field: number, contentBytes: number, at: number): number {
  into[at] = (field << 3) | 2;
  return writeVarint(into, contentBytes, at + 1);
}

/** @returns the position behind it */
export function writeText(into: Buffer, field: number, text: Uint8Array, at: number): number {
  const start = writeHead(into, field, text.length, at);
  into.set(text, start);
  return start + text.length;
}
