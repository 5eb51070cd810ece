/** Inputs made up for a model nobody has asked anything yet: zeros, or seeded random rows. */
import {
  BYTES_PER_ELEMENT,
  type Datatype,
  type ModelVariant,
  type Tensor,
  type TensorSpec,
} from "../../backends/contract.ts";

/** Writes one element, given a number in [0, 1). */
type Draw = () => number;

/** Full shape of a tensor with so many rows; axes of any length get `freeDim`. */
export function sampleShape(spec: TensorSpec, batched: boolean, rows: number, freeDim: number) {
  const dims = spec.shape.map((dim) => (dim < 0 ? freeDim : dim));
  return batched ? [rows, ...dims] : dims;
}

/** One row of zeros for every input; BYTES elements are the text "0", which also parses as a number. */
export function zeroInputs(variant: ModelVariant, freeDim: number): Tensor[] {
  return variant.inputs.map((spec) => {
    const shape = sampleShape(spec, variant.maxBatchSize > 0, 1, freeDim);
    return { ...named(spec), shape, data: elements(spec.datatype, count(shape), () => 0) };
  });
}

/**
 * For every input, so many rows of values that most models accept: numbers
 * around zero, integers 0 and 1 (they may be indices), texts "0" and "1".
 */
export function randomRows(
  variant: ModelVariant,
  rows: number,
  freeDim: number,
  seed: number,
): Uint8Array[][] {
  const draw = mulberry32(seed);
  return variant.inputs.map((spec) => {
    const elementsPerRow = count(sampleShape(spec, false, 1, freeDim));
    return Array.from({ length: rows }, () => elements(spec.datatype, elementsPerRow, draw));
  });
}

/** Tensors of some of the rows that `randomRows` made. */
export function joinRows(
  variant: ModelVariant,
  rowsOfInput: readonly (readonly Uint8Array[])[],
  from: number,
  to: number,
  freeDim: number,
): Tensor[] {
  return variant.inputs.map((spec, i) => ({
    ...named(spec),
    shape: sampleShape(spec, true, to - from, freeDim),
    data: aligned((rowsOfInput[i] ?? []).slice(from, to)),
  }));
}

export function count(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

function named(spec: TensorSpec) {
  return { name: spec.name, datatype: spec.datatype };
}

function aligned(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

function elements(datatype: Datatype, length: number, draw: Draw): Uint8Array {
  if (datatype === "BYTES") {
    const whole = new Uint8Array(5 * length);
    for (let i = 0; i < length; i++) whole.set([1, 0, 0, 0, draw() < 0.5 ? 0x30 : 0x31], 5 * i);
    return whole;
  }
  const size = BYTES_PER_ELEMENT[datatype];
  const view = new DataView(new ArrayBuffer(size * length));
  for (let i = 0; i < length; i++) writeElement(view, size * i, datatype, draw());
  return new Uint8Array(view.buffer);
}

/** 0 becomes zero in every datatype. */
function writeElement(view: DataView, at: number, datatype: Datatype, drawn: number): void {
  const real = drawn === 0 ? 0 : 4 * drawn - 2;
  if (datatype === "FP32") view.setFloat32(at, real, true);
  else if (datatype === "FP64") view.setFloat64(at, real, true);
  // Sign, exponents of 2^-2 … 2^1 and random digits: BF16 has 8 bits of exponent, FP16 has 5.
  else if (datatype === "BF16") view.setUint16(at, halfBits(drawn, 125, 7), true);
  else if (datatype === "FP16") view.setUint16(at, halfBits(drawn, 13, 10), true);
  // Little-endian integers and BOOL: the lowest byte is enough.
  else view.setUint8(at, drawn < 0.5 ? 0 : 1);
}

function halfBits(drawn: number, lowestExponent: number, mantissaBits: number): number {
  if (drawn === 0) return 0;
  const digits = Math.floor(drawn * 2 ** (mantissaBits + 3));
  const sign = digits >> (mantissaBits + 2);
  return (
    (sign << 15) | ((digits & (2 ** (mantissaBits + 2) - 1)) + (lowestExponent << mantissaBits))
  );
}

/** A small seeded generator; the same rows at every load. */
function mulberry32(seed: number): Draw {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
