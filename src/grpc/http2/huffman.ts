/** The Huffman code of HPACK (RFC 7541, appendix B). It is canonical: the lengths define it. */
import { ConnectionError, ErrorCode } from "./protocol.ts";

/** Bits of the codes of the bytes 0..255, then of the end of the string. */
// biome-ignore format: sixteen a line, as a table of bytes is read
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const END_OF_STRING = 256;

/**
 * The code as a tree: two entries a node, for a bit of 0 and of 1. Positive: index of
 * the next node; otherwise the complement of a symbol.
 */
const TREE = codeTree();

function codeTree(): Int16Array {
  const tree = new Int16Array(2 * LENGTHS.length);
  const symbols = LENGTHS.map((length, symbol) => ({ length, symbol })).sort(
    (a, b) => a.length - b.length, // stable: equal lengths stay in the order of the symbols
  );
  let nodes = 1;
  let code = 0;
  let previous = 0;
  for (const { length, symbol } of symbols) {
    code = previous === 0 ? 0 : (code + 1) << (length - previous);
    previous = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const at = 2 * node + ((code >>> bit) & 1);
      if (tree[at] === 0) tree[at] = nodes++;
      node = tree[at] ?? 0;
    }
    tree[2 * node + (code & 1)] = ~symbol;
  }
  return tree;
}

/** Longest code of padding: an ended string fills its last byte with ones. */
const MAX_PADDING_BITS = 7;

/** Text (latin1) of `bytes[start, end)`. @throws ConnectionError */
export function huffmanText(bytes: Uint8Array, start: number, end: number): string {
  // The shortest code has five bits.
  const text = Buffer.allocUnsafe(Math.floor(((end - start) * 8) / 5));
  let length = 0;
  let node = 0;
  let bits = 0;
  let onlyOnes = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >>> shift) & 1;
      const next = TREE[2 * node + bit] ?? 0;
      if (next >= 0) {
        node = next;
        bits++;
        if (bit === 0) onlyOnes = false;
        continue;
      }
      const symbol = ~next;
      if (symbol === END_OF_STRING) throw malformed();
      text[length++] = symbol;
      node = 0;
      bits = 0;
      onlyOnes = true;
    }
  }
  if (bits > MAX_PADDING_BITS || !onlyOnes) throw malformed();
  return text.toString("latin1", 0, length);
}

function malformed(): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, "a malformed Huffman code");
}
