/** InferTensorContents as the bytes that raw contents would be: little-endian, row-major. */
import { BYTES_PER_ELEMENT, type Datatype } from "../../contract.ts";
import { malformed, type WireReader } from "./wire-reader.ts";

/** Number of the field that holds elements of a datatype; FP16 and BF16 have none. */
const FIELD: Readonly<Partial<Record<Datatype, number>>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
};

/**
 * @param contents absent: the tensor is empty
 * @throws BackendError `device`
 */
export function rawContents(contents: WireReader | undefined, datatype: Datatype): Uint8Array {
  const parts: Uint8Array[] = [];
  if (contents === undefined) return new Uint8Array(0);
  for (let field = contents.next(); field !== 0; field = contents.next()) {
    if (field !== FIELD[datatype]) {
      throw malformed(`a tensor of datatype ${datatype} with contents of field ${field}`);
    }
    if (datatype === "BYTES") parts.push(...lengthAndBytes(contents.bytes()));
    else if (datatype === "FP32" || datatype === "FP64") {
      parts.push(contents.fixed(BYTES_PER_ELEMENT[datatype] as 4 | 8));
    } else parts.push(integers([...contents.uint64s()], BYTES_PER_ELEMENT[datatype]));
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

function lengthAndBytes(element: Buffer): [Buffer, Buffer] {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(element.length);
  return [length, element];
}

function integers(values: readonly bigint[], elementBytes: number): Buffer {
  const bytes = Buffer.alloc(values.length * elementBytes);
  for (const [i, value] of values.entries()) {
    const at = i * elementBytes;
    if (elementBytes === 8) bytes.writeBigUInt64LE(value, at);
    else {
      const bits = BigInt.asUintN(8 * elementBytes, value);
      bytes.writeUIntLE(Number(bits), at, elementBytes);
    }
  }
  return bytes;
}
