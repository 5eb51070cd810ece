/** Elements made up for a first run: zeros, or seeded random values that most models accept. */
import { BYTES_PER_ELEMENT, type Datatype } from "../../backends/contract.ts";
import type { Draw } from "../inference/seeded-random.ts";

/**
 * Numbers around zero, integers 0 and 1 (they may be indices), texts "0" and
 * "1", which also parse as numbers. Where 0 is drawn, zero.
 */
export function elements(datatype: Datatype, length: number, draw: Draw): Uint8Array {
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
