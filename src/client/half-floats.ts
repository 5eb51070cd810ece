/**
 * FP16 (IEEE 754 binary16) and BF16 (the upper half of an FP32) as their bits,
 * because Node 20 has no typed array for either. Rounds to the nearest, ties to even.
 */

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** Beyond it the nearest FP16 is infinite. */
const FP16_OVERFLOW = 65_520;
const FP16_SMALLEST_NORMAL = 2 ** -14;
/** Distance of two subnormal FP16. */
const FP16_STEP = 2 ** -24;

/** Each number as the bits of the nearest FP16. Exact rounding also of doubles. */
export function toFp16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, fp16Bits);
}

export function fromFp16(halves: ArrayLike<number>): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >>> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    if (exponent === 0) return sign * fraction * FP16_STEP;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** Each number as the bits of the nearest BF16, by way of the nearest FP32. */
export function toBf16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, (value) => {
    single[0] = value;
    const all = bits[0] ?? 0;
    if (Number.isNaN(value)) return (all >>> 16) | 0x40; // stays a NaN without its lower bits
    return (all + 0x7fff + ((all >>> 16) & 1)) >>> 16;
  });
}

export function fromBf16(halves: ArrayLike<number>): Float32Array {
  const whole = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(whole.buffer);
}

function fp16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= FP16_OVERFLOW) return sign | 0x7c00;
  if (size < FP16_SMALLEST_NORMAL) return sign | toEven(size / FP16_STEP);
  single[0] = size;
  const exponent = ((bits[0] ?? 0) >>> 23) - 127;
  // 1024 … 2048; the upper end carries into the exponent, which is the right number.
  const fraction = toEven((size / 2 ** exponent) * 1024);
  return sign | ((exponent + 14) * 1024 + fraction);
}

function toEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest > 0.5 ? below + 1 : below;
  return below % 2 === 0 ? below : below + 1;
}
