/** FP16 and BF16, which Node 20 has no arrays for. */

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);
const double = new Float64Array(1);
const doubleBits = new Uint32Array(double.buffer);

const LEAST = -126;
/** 2^-exponent from the least exponent of BF16 to the greatest of a double: `**` is slow. */
const UNITS = Float64Array.from({ length: 1024 - LEAST }, (_, n) => 2 ** -(n + LEAST));

/** The number of each of the 65 536 halves; made when first asked for. */
export function halves(): Float32Array {
  halfValues ??= Float32Array.from({ length: 0x10000 }, (_, bits) => fromHalf(bits));
  return halfValues;
}
let halfValues: Float32Array | undefined;

function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** BF16 is the upper half of an FP32. */
export function fromBfloat(bits: number): number {
  floatBits[0] = bits << 16;
  return float[0] as number;
}

/** Nearest FP16, ties to even; beyond the greatest, infinity. */
export function toHalf(x: number): number {
  return narrow(x, 10, -14);
}

/** Nearest BF16, ties to even; beyond the greatest, infinity. */
export function toBfloat(x: number): number {
  return narrow(x, 7, -126);
}

/**
 * Rounds a finite double once, at the last of `fractionBits`: by way of FP32 some
 * ties would be rounded twice. A fraction that is rounded up to 2 carries into
 * the exponent by itself, because the fields are added.
 */
function narrow(x: number, fractionBits: number, leastExponent: number): number {
  const one = 1 << fractionBits;
  double[0] = x;
  const high = doubleBits[1] as number;
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, leastExponent);
  const scaled = Math.abs(x) * (UNITS[exponent - LEAST] as number) * one;
  const whole = Math.floor(scaled);
  const rest = scaled - whole;
  const rounded = rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole;
  const bits = (exponent - leastExponent) * one + rounded;
  const infinity = (2 * -leastExponent + 3) * one;
  return Math.min(bits, infinity) + ((high >>> 31) << 15);
}
