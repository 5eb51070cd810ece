/** Protocol Buffers' wire format, written into memory of the exact size. Every `…Size` has its `write…`. */

/** Longest text that is written byte by byte; beyond, the call into native code pays. */
const SHORT = 64;
const INT64_BYTES_WHEN_NEGATIVE = 10;

/** @param value an integer from 0 to 2^53 */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** @param value an integer from 0 to 2^53 */
export function writeVarint(target: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

export function int64Size(value: number | bigint): number {
  if (value < 0) return INT64_BYTES_WHEN_NEGATIVE;
  if (typeof value === "number") return varintSize(value);
  let size = 1;
  for (let rest = value; rest >= 0x80n; rest >>= 7n) size++;
  return size;
}

/** Writes an int64 or a uint64: negative ones as two's complement, as protobuf does. */
export function writeInt64(target: Buffer, offset: number, value: number | bigint): number {
  if (typeof value === "number" && value >= 0) return writeVarint(target, offset, value);
  let at = offset;
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    target[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  target[at++] = Number(rest);
  return at;
}

/** Bytes of `text` in UTF-8. */
export function textBytes(text: string): number {
  if (text.length > SHORT) return Buffer.byteLength(text);
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return Buffer.byteLength(text);
  }
  return text.length;
}

/** Tag (one byte), length and text; nothing where the text is empty. */
export function textFieldSize(text: string): number {
  if (text.length === 0) return 0;
  const bytes = textBytes(text);
  return 1 + varintSize(bytes) + bytes;
}

export function writeTextField(target: Buffer, offset: number, tag: number, text: string): number {
  if (text.length === 0) return offset;
  const bytes = textBytes(text);
  target[offset] = tag;
  const at = writeVarint(target, offset + 1, bytes);
  if (bytes === text.length && bytes <= SHORT) {
    for (let i = 0; i < bytes; i++) target[at + i] = text.charCodeAt(i);
  } else {
    target.write(text, at, bytes, "utf8");
  }
  return at + bytes;
}

/** Tag (one byte), length and that many bytes. */
export function bytesFieldSize(byteLength: number): number {
  return 1 + varintSize(byteLength) + byteLength;
}

/** Writes what stands before the bytes of a nested message or a bytes field. */
export function writeFieldHead(
  target: Buffer,
  offset: number,
  tag: number,
  byteLength: number,
): number {
  target[offset] = tag;
  return writeVarint(target, offset + 1, byteLength);
}

/** A packed shape: its elements only. */
export function shapeBytes(shape: readonly number[]): number {
  let size = 0;
  for (const dimension of shape) size += int64Size(dimension);
  return size;
}

export function writeShapeField(
  target: Buffer,
  offset: number,
  tag: number,
  shape: readonly number[],
): number {
  if (shape.length === 0) return offset;
  let at = writeFieldHead(target, offset, tag, shapeBytes(shape));
  for (const dimension of shape) at = writeInt64(target, at, dimension);
  return at;
}
