/** Fields of protobuf messages for tests, by number, without a schema. */
import { Buffer } from "node:buffer";

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left >= 128n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  bytes.push(Number(left));
  return Buffer.from(bytes);
}

/** A number (negative ones as int64), or a length-delimited text, message or list of bytes. */
export function field(number: number, value: number | bigint | string | Buffer): Buffer {
  if (typeof value === "number" || typeof value === "bigint") {
    return Buffer.concat([varint(number << 3), varint(value)]);
  }
  const content = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);
}

export const message = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields);
