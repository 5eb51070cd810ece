/** Tensors as JSON numbers, for servers without the binary tensor data extension. */
import { StatusError } from "../../src/errors.ts";

interface Elements {
  readonly bytes: number;
  get(view: DataView, at: number): number | bigint | boolean;
  set(view: DataView, at: number, value: number): void;
}

const ELEMENTS: Readonly<Record<string, Elements>> = {
  BOOL: {
    bytes: 1,
    get: (view, at) => view.getUint8(at) !== 0,
    set: (view, at, value) => view.setUint8(at, value),
  },
  UINT8: numeric(1, "Uint8"),
  INT8: numeric(1, "Int8"),
  UINT16: numeric(2, "Uint16"),
  INT16: numeric(2, "Int16"),
  UINT32: numeric(4, "Uint32"),
  INT32: numeric(4, "Int32"),
  FP32: numeric(4, "Float32"),
  FP64: numeric(8, "Float64"),
  UINT64: {
    bytes: 8,
    get: (view, at) => Number(view.getBigUint64(at, true)),
    set: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  },
  INT64: {
    bytes: 8,
    get: (view, at) => Number(view.getBigInt64(at, true)),
    set: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  },
};

type Accessor = "Uint8" | "Int8" | "Uint16" | "Int16" | "Uint32" | "Int32" | "Float32" | "Float64";

function numeric(bytes: number, name: Accessor): Elements {
  return {
    bytes,
    get: (view, at) => view[`get${name}`](at, true),
    set: (view, at, value) => view[`set${name}`](at, value, true),
  };
}

/** @throws StatusError for datatypes that JSON has no words for */
export function numbersOfBytes(bytes: Uint8Array, datatype: string): unknown[] {
  const elements = elementsOf(datatype);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: unknown[] = [];
  for (let at = 0; at + elements.bytes <= bytes.length; at += elements.bytes) {
    values.push(elements.get(view, at));
  }
  return values;
}

/** @param data numbers, flat or nested. @throws StatusError where it is anything else */
export function bytesOfNumbers(data: unknown, datatype: string, name: string): Uint8Array {
  if (!Array.isArray(data)) {
    throw new StatusError("INTERNAL", `output '${name}' of the answer has no data`);
  }
  const elements = elementsOf(datatype);
  const flat = data.flat(Number.POSITIVE_INFINITY) as unknown[];
  const bytes = new Uint8Array(flat.length * elements.bytes);
  const view = new DataView(bytes.buffer);
  flat.forEach((value, index) => {
    elements.set(view, index * elements.bytes, Number(value));
  });
  return bytes;
}

function elementsOf(datatype: string): Elements {
  const elements = ELEMENTS[datatype];
  if (elements !== undefined) return elements;
  const why = "this server takes tensors as JSON only, which has no words for it";
  throw new StatusError("INVALID_ARGUMENT", `datatype ${datatype}: ${why}; use gRPC (-i grpc)`);
}
