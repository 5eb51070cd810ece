/**
 * The header of a npy file: what its bytes are. Source: numpy.lib.format, versions 1.0 to 3.0.
 */
import type { Datatype } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";

export interface NpyHeader {
  readonly datatype: Datatype;
  /** Bytes of one element in the file. */
  readonly itemBytes: number;
  readonly shape: readonly number[];
  readonly bigEndian: boolean;
  /** Strings of a fixed width: trailing zeros do not count. */
  readonly text: "bytes" | "ucs4" | undefined;
  /** Bytes of the header itself, magic included. */
  readonly headerBytes: number;
}

const MAGIC = "\u0093NUMPY";
/** Of a header; numpy's own have a few hundred. */
export const MOST_HEADER_BYTES = 64 * 1024;
const MOST_AXES = 32;

const DATATYPES: Readonly<Record<string, Datatype>> = {
  b1: "BOOL",
  i1: "INT8",
  i2: "INT16",
  i4: "INT32",
  i8: "INT64",
  u1: "UINT8",
  u2: "UINT16",
  u4: "UINT32",
  u8: "UINT64",
  f2: "FP16",
  f4: "FP32",
  f8: "FP64",
};

/** @returns undefined where `bytes` end before the header does */
export function parseNpyHeader(bytes: Buffer): NpyHeader | undefined {
  if (bytes.length < 12) return undefined;
  if (bytes.toString("latin1", 0, 6) !== MAGIC) throw wrong("it does not begin as npy files do");
  const major = bytes[6] ?? 0;
  if (major < 1 || major > 3) throw wrong(`its version is ${major}.${bytes[7]}, known are 1 to 3`);
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const start = major === 1 ? 10 : 12;
  if (length > MOST_HEADER_BYTES) throw wrong(`its header claims ${length} bytes`);
  if (bytes.length < start + length) return undefined;
  const text = bytes.toString(major === 3 ? "utf8" : "latin1", start, start + length);
  return { ...parseDictionary(text), headerBytes: start + length };
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }` */
function parseDictionary(text: string): Omit<NpyHeader, "headerBytes"> {
  const descr = /'descr':\s*'([^']{1,32})'/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const axes = /'shape':\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (axes === undefined || fortran === undefined)
    throw wrong("its header names no shape or order");
  if (descr === undefined) {
    throw wrong("its elements are records or objects: save one array of numbers a tensor");
  }
  const shape = axes
    .split(",")
    .map((axis) => axis.trim().replace(/L$/, ""))
    .filter((axis) => axis !== "")
    .map(Number);
  if (shape.length > MOST_AXES || !shape.every((axis) => Number.isSafeInteger(axis))) {
    throw wrong(`its shape is (${axes.slice(0, 100)})`);
  }
  if (fortran === "True" && shape.length > 1) {
    throw wrong("its order is Fortran's: save numpy.ascontiguousarray(array)");
  }
  return { ...parseType(descr), shape };
}

function parseType(descr: string): Omit<NpyHeader, "headerBytes" | "shape"> {
  const [, order = "", kind = "", width = ""] = /^([<>|=])?([a-zA-Z])(\d+)?$/.exec(descr) ?? [];
  const bigEndian = order === ">";
  const datatype = DATATYPES[kind + width];
  if (datatype !== undefined) {
    return { datatype, itemBytes: Number(width), bigEndian, text: undefined };
  }
  const characters = Number(width);
  if (kind === "S" && characters >= 0 && characters < 2 ** 24) {
    return { datatype: "BYTES", itemBytes: characters, bigEndian: false, text: "bytes" };
  }
  if (kind === "U" && characters >= 0 && characters < 2 ** 22) {
    return { datatype: "BYTES", itemBytes: 4 * characters, bigEndian, text: "ucs4" };
  }
  const known = "bool, int8 to int64, uint8 to uint64, float16 to float64, and strings";
  throw wrong(`its elements are '${descr}': known are ${known} (convert with array.astype)`);
}

const DESCR: Partial<Record<Datatype, string>> = Object.fromEntries(
  Object.entries(DATATYPES).map(([kind, datatype]) => [
    datatype,
    `${kind.endsWith("1") ? "|" : "<"}${kind}`,
  ]),
);

/**
 * Version 1.0, aligned to 64 bytes as numpy does.
 * @param textBytes width of every text, for BYTES
 * @throws StatusError for a datatype that numpy has not (BF16)
 */
export function npyHeader(datatype: Datatype, shape: readonly number[], textBytes = 1): Buffer {
  const descr = datatype === "BYTES" ? `|S${textBytes}` : DESCR[datatype];
  if (descr === undefined) throw wrong(`there is no numpy type for ${datatype}`);
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${axes}), }`;
  const padding = 63 - ((10 + text.length) % 64);
  const header = Buffer.from(
    `${MAGIC}\u0001\u0000\u0000\u0000${text}${" ".repeat(padding)}\n`,
    "latin1",
  );
  header.writeUInt16LE(header.length - 10, 8);
  return header;
}

function wrong(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}
