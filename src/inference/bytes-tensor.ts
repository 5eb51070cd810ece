/**
 * Tensors of datatype BYTES: each element is a 4-byte little-endian length and
 * that many bytes, elements in row-major order, nothing between them.
 */
import type { Pieces } from "./request.ts";

const LENGTH_BYTES = 4;

export function encodeBytesTensor(elements: readonly Uint8Array[]): Buffer {
  let size = 0;
  for (const element of elements) size += LENGTH_BYTES + element.byteLength;
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const element of elements) {
    at = bytes.writeUInt32LE(element.byteLength, at);
    bytes.set(element, at);
    at += element.byteLength;
  }
  return bytes;
}

/** The elements as views of `data`. @throws RangeError where `data` ends inside an element. */
export function decodeBytesTensor(data: Uint8Array): Uint8Array[] {
  const elements: Uint8Array[] = [];
  for (let at = 0; at < data.byteLength; ) {
    const next = elementEnd(data, at);
    elements.push(data.subarray(at + LENGTH_BYTES, next));
    at = next;
  }
  return elements;
}

/**
 * Offsets at which groups of `elementsPerRow` elements end, `rows` of them; the
 * last one is where the tensor ends.
 * @throws RangeError where `data` is shorter or longer than that.
 */
export function bytesRowEnds(data: Uint8Array, elementsPerRow: number, rows: number): number[] {
  const ends: number[] = [];
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let element = 0; element < elementsPerRow; element++) at = elementEnd(data, at);
    ends.push(at);
  }
  if (at !== data.byteLength) {
    throw new RangeError(`${data.byteLength - at} bytes behind the last element`);
  }
  return ends;
}

function elementEnd(data: Uint8Array, at: number): number {
  if (at + LENGTH_BYTES > data.byteLength) {
    throw new RangeError(`the length of an element is cut off at byte ${data.byteLength}`);
  }
  const end = at + LENGTH_BYTES + lengthAt(data, at);
  if (end > data.byteLength) {
    throw new RangeError(`an element at byte ${at} ends behind the data, at ${end}`);
  }
  return end;
}

function lengthAt(data: Uint8Array, at: number): number {
  const b0 = data[at] ?? 0;
  const b1 = data[at + 1] ?? 0;
  const b2 = data[at + 2] ?? 0;
  const b3 = data[at + 3] ?? 0;
  return b0 + b1 * 0x100 + b2 * 0x1_0000 + b3 * 0x100_0000;
}

/** What a walk over a BYTES tensor found. */
export interface BytesScan {
  /** Elements that began; counting stops one above the number expected. */
  readonly elements: number;
  /** Bytes of a length that the data ends in the middle of; 0 when none. */
  readonly lengthBytesLeft: number;
  /** Length the last element claims and the bytes there are, where it is cut off. */
  readonly cutOff: { readonly expected: number; readonly available: number } | undefined;
}

/** Walks over the elements, across piece boundaries, without copying. */
export function scanBytesTensor(data: Pieces, expectedElements: number): BytesScan {
  let elements = 0;
  let skip = 0; // bytes of the current element not yet passed
  let length = 0; // of the current element
  let lengthBytes = 0; // of the length being read
  for (const piece of data.pieces) {
    let at = 0;
    while (at < piece.byteLength) {
      if (skip > 0) {
        const step = Math.min(skip, piece.byteLength - at);
        skip -= step;
        at += step;
        continue;
      }
      if (lengthBytes === 0 && at + LENGTH_BYTES <= piece.byteLength) {
        length = lengthAt(piece, at);
        at += LENGTH_BYTES;
      } else {
        if (lengthBytes === 0) length = 0;
        length += (piece[at] ?? 0) * 0x100 ** lengthBytes;
        at++;
        lengthBytes++;
        if (lengthBytes < LENGTH_BYTES) continue;
        lengthBytes = 0;
      }
      skip = length;
      elements++;
      if (elements > expectedElements) return { elements, lengthBytesLeft: 0, cutOff: undefined };
    }
  }
  return {
    elements,
    lengthBytesLeft: lengthBytes,
    cutOff: skip > 0 ? { expected: length, available: length - skip } : undefined,
  };
}
