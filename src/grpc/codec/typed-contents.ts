/**
 * `InferTensorContents` turned into raw little-endian bytes, with what Triton's
 * front-end says where the filled field does not fit the tensor's datatype.
 */
import { StatusError } from "../../errors.ts";
import { elementSizeBytes, protocolName } from "../../inference/datatypes.ts";
import { NO_BYTES, onePiece } from "../../inference/pieces.ts";
import type { Pieces } from "../../inference/request.ts";
import { MAX_BYTES } from "./limits.ts";
import type { ContentsRanges } from "./tensor-header.ts";
import { malformed, WireReader, WireType } from "./wire.ts";

type Kind = "varint" | "fixed" | "bytes";

interface ContentsField {
  readonly number: number;
  readonly kind: Kind;
  /** Datatypes that may use the field; of a tensor of any other one Triton expects the last. */
  readonly datatypes: readonly string[];
}

/** In the order in which Triton looks at them, which is also that of their numbers. */
const FIELDS: readonly ContentsField[] = [
  { number: 1, kind: "varint", datatypes: ["BOOL"] },
  { number: 2, kind: "varint", datatypes: ["INT8", "INT16", "INT32"] },
  { number: 3, kind: "varint", datatypes: ["INT64"] },
  { number: 4, kind: "varint", datatypes: ["UINT8", "UINT16", "UINT32"] },
  { number: 5, kind: "varint", datatypes: ["UINT64"] },
  { number: 6, kind: "fixed", datatypes: ["FP32"] },
  { number: 7, kind: "fixed", datatypes: ["FP64"] },
  { number: 8, kind: "bytes", datatypes: ["BYTES"] },
];

/** Bytes of a fixed-size element on the wire. */
const FIXED_BYTES: { readonly [field: number]: number } = { 6: 4, 7: 8 };
const BOOL_CONTENTS = 1;
const LENGTH_BYTES = 4;

/** What a walk over the contents found, by field number. */
interface Census {
  /** Elements per field. */
  readonly counts: number[];
  /** Bytes of all elements of field 8 without their lengths. */
  stringBytes: number;
  /** The only stretch of fixed-size elements, where there is just one: no copy needed then. */
  single: { readonly field: number; readonly start: number; readonly end: number } | undefined;
}

/**
 * @returns the tensor's raw bytes; no bytes where every field is empty.
 * @throws StatusError INVALID_ARGUMENT with Triton's text; INTERNAL where it is no message
 */
export function rawFromContents(
  contents: ContentsRanges,
  tensor: string,
  datatype: string,
  model: string,
): Pieces {
  const census = takeCensus(contents);
  let chosen: ContentsField | undefined;
  for (const field of FIELDS) {
    if ((census.counts[field.number] ?? 0) === 0) continue;
    const where = `unexpected explicit tensor data for input tensor '${tensor}' for model '${model}'`;
    if (chosen !== undefined) {
      throw invalid(`${where}, binary data was already supplied.`);
    }
    if (!field.datatypes.includes(datatype)) {
      throw invalid(
        `${where} of type '${field.datatypes.at(-1)}', expected datatype '${protocolName(datatype)}'`,
      );
    }
    chosen = field;
  }
  if (chosen === undefined) return NO_BYTES;

  const { single } = census;
  if (single !== undefined && single.field === chosen.number) {
    return onePiece(contents.buffer.subarray(single.start, single.end));
  }
  const elements = census.counts[chosen.number] ?? 0;
  const elementBytes = chosen.kind === "bytes" ? LENGTH_BYTES : elementSizeBytes(datatype);
  const byteLength = elements * elementBytes + census.stringBytes;
  if (byteLength > MAX_BYTES) {
    throw invalid(`the elements of input tensor '${tensor}' take more than ${MAX_BYTES} bytes`);
  }
  return onePiece(copyElements(contents, chosen, elementBytes, byteLength));
}

/** Counts before anything is allocated, so that no length in the message is taken on trust. */
function takeCensus(contents: ContentsRanges): Census {
  const census: Census = {
    counts: new Array<number>(9).fill(0),
    stringBytes: 0,
    single: undefined,
  };
  let stretches = 0;
  eachStretch(contents, (field, start, end) => {
    if (field.kind === "bytes") {
      census.counts[8] = (census.counts[8] ?? 0) + 1;
      census.stringBytes += end - start;
      return;
    }
    if (start === end) return;
    census.counts[field.number] =
      (census.counts[field.number] ?? 0) + countElements(contents.buffer, field, start, end);
    if (field.kind !== "fixed") return;
    census.single = ++stretches === 1 ? { field: field.number, start, end } : undefined;
  });
  return census;
}

function countElements(buffer: Buffer, field: ContentsField, start: number, end: number): number {
  if (field.kind === "fixed") {
    const elementBytes = FIXED_BYTES[field.number] ?? 1;
    const elements = (end - start) / elementBytes;
    if (!Number.isInteger(elements)) throw malformed("packed elements end in the middle of one");
    return elements;
  }
  let elements = 0;
  let bytes = 0;
  for (let i = start; i < end; i++) {
    if (++bytes > 10) throw malformed("a number takes more than 10 bytes");
    if ((buffer[i] ?? 0) >= 0x80) continue;
    elements++;
    bytes = 0;
  }
  if (bytes > 0) throw malformed("packed elements end in the middle of one");
  return elements;
}

/**
 * Calls `visit` with every stretch of elements, packed or single, in order. For
 * strings a stretch is one element.
 */
function eachStretch(
  { buffer, ranges }: ContentsRanges,
  visit: (field: ContentsField, start: number, end: number) => void,
): void {
  // Every element may be a field of its own: their number is bounded by the message's size alone.
  const reader = new WireReader(buffer, Number.POSITIVE_INFINITY);
  for (let i = 0; i < ranges.length; i += 2) {
    reader.position = ranges[i] ?? 0;
    reader.end = ranges[i + 1] ?? 0;
    while (reader.position < reader.end) {
      const tag = reader.tag();
      const field = FIELDS[(tag >>> 3) - 1];
      if (field === undefined || !fits(field, tag & 7)) {
        reader.skip(tag);
        continue;
      }
      let start = reader.position;
      if ((tag & 7) === WireType.BYTES) {
        const length = reader.length();
        start = reader.position;
        reader.advance(length);
      } else if (field.kind === "varint") reader.skipVarint();
      else reader.advance(FIXED_BYTES[field.number] ?? 0);
      visit(field, start, reader.position);
    }
  }
}

/** True for a wire type in which the field may come: packed or not. */
function fits(field: ContentsField, wireType: number): boolean {
  if (wireType === WireType.BYTES) return true;
  if (field.kind === "varint") return wireType === WireType.VARINT;
  if (field.kind === "bytes") return false;
  return wireType === (field.number === 6 ? WireType.FIXED32 : WireType.FIXED64);
}

function copyElements(
  contents: ContentsRanges,
  chosen: ContentsField,
  elementBytes: number,
  byteLength: number,
): Buffer {
  const raw = Buffer.allocUnsafe(byteLength);
  const numbers = new WireReader(contents.buffer);
  let at = 0;
  eachStretch(contents, (field, start, end) => {
    if (field !== chosen) return;
    if (field.kind === "varint") {
      numbers.position = start;
      numbers.end = end;
      at = copyNumbers(numbers, raw, at, elementBytes, field.number === BOOL_CONTENTS);
      return;
    }
    if (field.kind === "bytes") at = writeLittleEndian(raw, at, end - start, 0, LENGTH_BYTES);
    at = copyBytes(contents.buffer, start, end, raw, at);
  });
  return raw;
}

/** Below this a loop is faster than the call into native code. */
const SHORT = 32;

function copyBytes(from: Buffer, start: number, end: number, to: Buffer, offset: number): number {
  if (end - start > SHORT) return offset + from.copy(to, offset, start, end);
  let at = offset;
  for (let i = start; i < end; i++) to[at++] = from[i] ?? 0;
  return at;
}

/** Turns every varint that `reader` holds into `elementBytes` bytes. @returns the offset behind the last. */
function copyNumbers(
  reader: WireReader,
  target: Buffer,
  offset: number,
  elementBytes: number,
  asBool: boolean,
): number {
  let at = offset;
  while (reader.position < reader.end) {
    reader.varint64();
    if (asBool) target[at++] = (reader.low | reader.high) === 0 ? 0 : 1;
    else at = writeLittleEndian(target, at, reader.low, reader.high, elementBytes);
  }
  return at;
}

/** The lowest `byteLength` bytes (1, 2, 4 or 8) of a 64-bit number. */
function writeLittleEndian(
  target: Buffer,
  offset: number,
  low: number,
  high: number,
  byteLength: number,
): number {
  const half = Math.min(byteLength, 4);
  let rest = low;
  for (let i = 0; i < half; i++) {
    target[offset + i] = rest;
    rest >>>= 8;
  }
  if (byteLength === 8) writeLittleEndian(target, offset + 4, high, 0, 4);
  return offset + byteLength;
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
