/** Names and sizes of datatypes: the protocol's words, and the ones a config.pbtxt uses. */
import { BYTES_PER_ELEMENT, type Datatype } from "../../backends/contract.ts";

/** Name in a model's configuration (`enum DataType`) of each datatype of the protocol. */
export const CONFIG_TYPE: { readonly [datatype in Datatype]: string } = {
  BOOL: "TYPE_BOOL",
  UINT8: "TYPE_UINT8",
  UINT16: "TYPE_UINT16",
  UINT32: "TYPE_UINT32",
  UINT64: "TYPE_UINT64",
  INT8: "TYPE_INT8",
  INT16: "TYPE_INT16",
  INT32: "TYPE_INT32",
  INT64: "TYPE_INT64",
  FP16: "TYPE_FP16",
  FP32: "TYPE_FP32",
  FP64: "TYPE_FP64",
  BYTES: "TYPE_STRING",
  BF16: "TYPE_BF16",
};

const SIZES: ReadonlyMap<string, number> = new Map([
  ...Object.entries(BYTES_PER_ELEMENT),
  ["BYTES", 0],
]);

const BY_CONFIG_TYPE: ReadonlyMap<string, Datatype> = new Map(
  (Object.entries(CONFIG_TYPE) as [Datatype, string][]).map(([datatype, type]) => [type, datatype]),
);

/** True for a datatype of the protocol, as a client has to spell it. */
export function isDatatype(name: string): name is Datatype {
  return SIZES.has(name);
}

/** @returns undefined for TYPE_INVALID and for what is no type at all. */
export function datatypeOfConfig(type: string): Datatype | undefined {
  return BY_CONFIG_TYPE.get(type);
}

/** Bytes per element; 0 for `BYTES`, whose elements carry their own length, and for unknown names. */
export function elementSizeBytes(datatype: string): number {
  return SIZES.get(datatype) ?? 0;
}

/** How Triton prints a client's datatype: anything it does not know becomes `<invalid>`. */
export function protocolName(datatype: string): string {
  return isDatatype(datatype) ? datatype : "<invalid>";
}

/** A shape as Triton prints it: `[-1,16]`. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(",")}]`;
}
