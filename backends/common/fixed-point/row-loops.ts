/**
 * The loops over rows as JavaScript text: one for each pair of arrays and type, so
 * that what runs for an element is a load, straight arithmetic and a store.
 */
import type { FixedDatatype, FixedPointType } from "../../contract.ts";
import { conversionSource } from "./rounding-source.ts";
import { fromBfloat, halves, toBfloat, toHalf } from "./small-floats.ts";
import { fractionBitsOf } from "./type.ts";

/** Elements of 64-bit integers count as one here and as two words in their array. */
export type Words = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
export type Elements = Words | Float32Array | Float64Array;

/**
 * Converts `rows` rows of `elements`; `from` and `to` are where the first one starts,
 * `fromStride` and `toStride` the way to the next, all in elements.
 * @returns the first row with a NaN in it, counted from 0; -1 for none
 */
export type RowLoop = (
  source: Elements,
  from: number,
  fromStride: number,
  target: Elements,
  to: number,
  toStride: number,
  rows: number,
  elements: number,
) => number;

const WIDE_INTEGERS = new Set<FixedDatatype>(["INT64", "UINT64"]);
const FLOATS = new Set<FixedDatatype>(["FP16", "BF16", "FP32", "FP64"]);

/** The client's elements to the words of the board. Integers are raw integers already: their low bits count. */
export function quantizingLoop(
  datatype: FixedDatatype,
  type: FixedPointType,
  storageBytes: number,
): RowLoop {
  const body = FLOATS.has(datatype)
    ? `const x = ${loadFloat(datatype)};
       if (x !== x && bad < 0) bad = row;
       ${conversionSource(type, fractionBitsOf(type))}
       ${storeRaw(storageBytes)}`
    : `const r = ${loadRaw(type, WIDE_INTEGERS.has(datatype) ? 8 : 4)}; ${storeRaw(storageBytes)}`;
  return rowLoop(body);
}

/** The words of the board to the client's elements. */
export function restoringLoop(
  datatype: FixedDatatype,
  type: FixedPointType,
  storageBytes: number,
): RowLoop {
  const load = `const r = ${loadRaw(type, storageBytes)};`;
  if (!FLOATS.has(datatype)) {
    return rowLoop(`${load} ${storeRaw(WIDE_INTEGERS.has(datatype) ? 8 : 4)}`);
  }
  const value = `r * ${2 ** -fractionBitsOf(type)}`;
  const encoded = { FP16: `toHalf(${value})`, BF16: `toBfloat(${value})` };
  return rowLoop(`${load} target[b] = ${encoded[datatype as "FP16"] ?? value};`);
}

function rowLoop(body: string): RowLoop {
  const source = `"use strict";
    return (source, from, fromStride, target, to, toStride, rows, elements) => {
      let bad = -1;
      for (let row = 0; row < rows; row++) {
        const end = from + elements;
        for (let a = from, b = to; a < end; a++, b++) { ${body} }
        from += fromStride;
        to += toStride;
      }
      return bad;
    };`;
  const make = new Function("halves", "fromBfloat", "toHalf", "toBfloat", source);
  return make(source.includes("halves[") ? halves() : [], fromBfloat, toHalf, toBfloat);
}

function loadFloat(datatype: FixedDatatype): string {
  if (datatype === "FP16") return "halves[source[a]]";
  return datatype === "BF16" ? "fromBfloat(source[a])" : "source[a]";
}

/** The low bits of a word are the raw integer, whatever stands above them. A word of 64 bits is two elements, low half first. */
function loadRaw({ w, signed }: FixedPointType, bytes: number): string {
  if (bytes === 8 && w > 32) {
    const above = 64 - w;
    const high = `source[2 * a + 1] << ${above}`;
    const upper = signed ? `(${high} >> ${above})` : `(${high} >>> ${above})`;
    return `${upper} * ${2 ** 32} + (source[2 * a] >>> 0)`;
  }
  const word = bytes === 8 ? "source[2 * a]" : "source[a]";
  return signed ? `${word} << ${32 - w} >> ${32 - w}` : `${word} << ${32 - w} >>> ${32 - w}`;
}

/** Arrays of integers keep the low bits of a number by themselves. */
function storeRaw(bytes: number): string {
  return bytes === 8
    ? `target[2 * b] = r; target[2 * b + 1] = Math.floor(r * ${2 ** -32});`
    : "target[b] = r;";
}
