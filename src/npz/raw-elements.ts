/** Elements of a npy file as tensors have them on the wire. */
import type { NpyHeader } from "./npy-header.ts";

export function toRawElements(bytes: Buffer, header: NpyHeader): Uint8Array {
  if (header.text !== undefined) return texts(bytes, header);
  if (!header.bigEndian || header.itemBytes === 1) return bytes;
  if (header.itemBytes === 2) return bytes.swap16();
  return header.itemBytes === 4 ? bytes.swap32() : bytes.swap64();
}

/** Strings of a fixed width end at the first of their trailing zeros. */
function texts(bytes: Buffer, header: NpyHeader): Uint8Array {
  return header.text === "ucs4" ? ucs4Texts(bytes, header) : byteTexts(bytes, header.itemBytes);
}

/** Into one piece of memory: an object for each of millions of short texts would cost more than their bytes. */
function byteTexts(bytes: Buffer, itemBytes: number): Uint8Array {
  const count = itemBytes === 0 ? 0 : Math.floor(bytes.length / itemBytes);
  const out = Buffer.allocUnsafe(count * (4 + itemBytes));
  let to = 0;
  for (let at = 0; at < count; at += 1) {
    const begin = at * itemBytes;
    let end = begin + itemBytes;
    while (end > begin && bytes[end - 1] === 0) end -= 1;
    to = out.writeUInt32LE(end - begin, to);
    for (let from = begin; from < end; from += 1) out[to++] = bytes[from] ?? 0;
  }
  return out.subarray(0, to);
}

function ucs4Texts(bytes: Buffer, { itemBytes, bigEndian }: NpyHeader): Uint8Array {
  const parts: Buffer[] = [];
  const count = itemBytes === 0 ? 0 : Math.floor(bytes.length / itemBytes);
  for (let at = 0; at < count; at += 1) {
    const item = bytes.subarray(at * itemBytes, (at + 1) * itemBytes);
    const plain = Buffer.from(fromUcs4(item, bigEndian));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(plain.length);
    parts.push(length, plain);
  }
  return Buffer.concat(parts);
}

const REPLACEMENT = 0xfffd;

function fromUcs4(item: Buffer, bigEndian: boolean): string {
  const codes: number[] = [];
  for (let at = 0; at + 4 <= item.length; at += 4) {
    const code = bigEndian ? item.readUInt32BE(at) : item.readUInt32LE(at);
    codes.push(code <= 0x10ffff ? code : REPLACEMENT);
  }
  while (codes.at(-1) === 0) codes.pop();
  return codes.map((code) => String.fromCodePoint(code)).join("");
}
