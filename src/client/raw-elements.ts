/** Elements of a tensor as they travel: little-endian, row-major; BYTES each behind a 4-byte length. */
import type { ArrayOf, Datatype, Tensor } from "./tensor.ts";

const LENGTH_BYTES = 4;

const ARRAYS = {
  BOOL: Uint8Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

/** A view of the elements where there is one. */
export function rawOf({ datatype, data }: Tensor): Uint8Array {
  if (datatype !== "BYTES") return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const bytes = Buffer.alloc(
    data.reduce((total, element) => total + LENGTH_BYTES + element.byteLength, 0),
  );
  let at = 0;
  for (const element of data) {
    at = bytes.writeUInt32LE(element.byteLength, at);
    bytes.set(element, at);
    at += element.byteLength;
  }
  return bytes;
}

/**
 * Views of `raw` where its place in memory allows them, else a copy.
 * @throws RangeError where it does not hold whole elements, or the datatype has no name that is known here
 */
export function elementsOf(datatype: string, raw: Uint8Array): ArrayOf[Datatype] {
  if (datatype === "BYTES") return bytesElements(raw);
  const array = ARRAYS[datatype as keyof typeof ARRAYS];
  if (array === undefined) throw new RangeError(`'${datatype}' is no datatype that is known here`);
  const size = array.BYTES_PER_ELEMENT;
  if (raw.byteLength % size !== 0) {
    throw new RangeError(`${raw.byteLength} bytes are no whole number of ${datatype}`);
  }
  const placed = raw.byteOffset % size === 0 ? raw : new Uint8Array(raw);
  return new array(placed.buffer as ArrayBuffer, placed.byteOffset, raw.byteLength / size);
}

function bytesElements(raw: Uint8Array): Uint8Array[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const elements: Uint8Array[] = [];
  for (let at = 0; at < raw.byteLength; ) {
    const start = at + LENGTH_BYTES;
    const end = start <= raw.byteLength ? start + view.getUint32(at, true) : start;
    if (end > raw.byteLength) throw new RangeError(`a BYTES element at ${at} is cut off`);
    elements.push(raw.subarray(start, end));
    at = end;
  }
  return elements;
}
