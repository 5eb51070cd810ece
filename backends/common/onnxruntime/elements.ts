/** ONNX Runtime's names of datatypes, and typed arrays over raw tensors. */
import { BYTES_PER_ELEMENT, type Datatype, type FixedDatatype } from "../../contract.ts";

/** As onnxruntime-common spells the element types of tensors. */
export type OrtType = keyof typeof DATATYPE_OF;

export const DATATYPE_OF = {
  bool: "BOOL",
  uint8: "UINT8",
  int8: "INT8",
  uint16: "UINT16",
  int16: "INT16",
  float16: "FP16",
  uint32: "UINT32",
  int32: "INT32",
  float32: "FP32",
  uint64: "UINT64",
  int64: "INT64",
  float64: "FP64",
  string: "BYTES",
} as const satisfies Record<string, Datatype>;

export type Served = Exclude<FixedDatatype, "BF16">;

const ORT_TYPE_OF = new Map<Datatype, OrtType>(
  Object.entries(DATATYPE_OF).map(([ort, datatype]) => [datatype, ort as OrtType]),
);

/** undefined for BF16: onnxruntime-node has no such tensors. */
export function ortTypeOf(datatype: Datatype): OrtType | undefined {
  return ORT_TYPE_OF.get(datatype);
}

// FP16 as its bits: Float16Array exists from Node 24 on only.
const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  INT8: Int8Array,
  UINT16: Uint16Array,
  INT16: Int16Array,
  FP16: Uint16Array,
  UINT32: Uint32Array,
  INT32: Int32Array,
  FP32: Float32Array,
  UINT64: BigUint64Array,
  INT64: BigInt64Array,
  FP64: Float64Array,
} as const satisfies Record<Served, unknown>;

/** The same memory as elements; a copy where it is not aligned to them. */
export function elementsOver(datatype: Served, data: Uint8Array) {
  const size = BYTES_PER_ELEMENT[datatype];
  const aligned = data.byteOffset % size === 0 ? data : data.slice();
  // The constructors differ in their types alone; here all of them take the same three arguments.
  const Elements = ARRAYS[datatype] as Uint8ArrayConstructor;
  return new Elements(aligned.buffer, aligned.byteOffset, data.byteLength / size);
}
