/** Bytes that arrived in several pieces: look at them, cut them, copy them once. */
import type { Pieces } from "./request.ts";

export const NO_BYTES: Pieces = { byteLength: 0, pieces: [] };

export function onePiece(bytes: Uint8Array): Pieces {
  return { byteLength: bytes.byteLength, pieces: [bytes] };
}

/** Copies every byte to `target`, starting at `offset`. @returns the offset behind the last one. */
export function copyPieces(source: Pieces, target: Uint8Array, offset: number): number {
  if (source.source !== undefined) {
    source.source.copyTo(target, offset);
    return offset + source.byteLength;
  }
  let at = offset;
  for (const piece of source.pieces) {
    target.set(piece, at);
    at += piece.byteLength;
  }
  return at;
}

/** All bytes in one view; copies only where there are several pieces. */
export function joinPieces(source: Pieces): Uint8Array {
  const first = source.pieces[0];
  if (first !== undefined && source.pieces.length === 1) return first;
  const joined = Buffer.allocUnsafe(source.byteLength);
  copyPieces(source, joined, 0);
  return joined;
}
