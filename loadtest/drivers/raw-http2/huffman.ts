/**
 * HPACK's Huffman code (RFC 7541, appendix B), for the characters that gRPC
 * allows in a header value: printable ASCII. The code is canonical, so the
 * lengths define it; characters outside that set have longer codes than any
 * of these, but for one, and gRPC percent-encodes them.
 */

const FIRST = 0x20;
/** Bits of the codes of 0x20..0x7e, in order. */
const LENGTHS = [
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6,
  12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15,
  11, 14, 13,
];
/** NUL is never sent, but its code stands before the other 13-bit codes. */
const NUL_LENGTH = 13;
const LONGEST = 19;

/** `length << LONGEST | code` → character. */
const CHARACTERS = canonicalCode();

function canonicalCode(): Map<number, string> {
  const symbols = [
    { character: "\0", length: NUL_LENGTH },
    ...LENGTHS.map((length, at) => ({ character: String.fromCharCode(FIRST + at), length })),
  ].sort((a, b) => a.length - b.length); // stable: equal lengths stay in the order of the alphabet
  const characters = new Map<number, string>();
  let code = 0;
  let previous = symbols[0]?.length ?? 0;
  for (const { character, length } of symbols) {
    code <<= length - previous;
    previous = length;
    characters.set((length << LONGEST) | code, character);
    code += 1;
  }
  return characters;
}

/** Text of `bytes[start, end)`; a character outside printable ASCII and what follows it become `?`. */
export function huffmanText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let code = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      length += 1;
      const character = CHARACTERS.get((length << LONGEST) | code);
      if (character !== undefined) {
        text += character;
        code = 0;
        length = 0;
      } else if (length >= LONGEST) {
        return `${text}?`;
      }
    }
  }
  return text; // what is left over are the padding's ones
}
