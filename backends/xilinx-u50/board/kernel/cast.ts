/**
 * Assignment to a fixed-point type, as code: round, then fit. All roundings are
 * a floor after an addition: floor((x + c) / 2^d), where c depends on the
 * mode and, in a tie, on the sign of x or on the last bit that stays.
 */
import type { FixedPointType } from "../../../contract.ts";
import type { Code } from "./code.ts";
import { constant, isExact, isInt32, minus, named, raised, times, type Value } from "./value.ts";

export function fractionBits(type: FixedPointType): number {
  return type.w - type.i;
}

export function bounds({ w, signed }: FixedPointType): { lo: number; hi: number } {
  return signed ? { lo: -(2 ** (w - 1)), hi: 2 ** (w - 1) - 1 } : { lo: 0, hi: 2 ** w - 1 };
}

/** A variable of the type. */
export function variable(code: string, type: FixedPointType): Value {
  return { code, ...bounds(type), f: fractionBits(type) };
}

export function cast(code: Code, value: Value, type: FixedPointType): Value {
  const f = fractionBits(type);
  if (f > value.f) return fitted(code, widened(code, value, type), type);
  return fitted(code, round(code, value, f, type.q), type);
}

/** A cast that may leave a wrapping type's overflow for later: sums and products do not mind. */
export function castLater(code: Code, value: Value, type: FixedPointType): Value {
  if (type.o !== "WRAP") return cast(code, value, type);
  const f = fractionBits(type);
  return f > value.f ? widened(code, value, type) : round(code, value, f, type.q);
}

/** More bits behind the point. What is outside the type stays outside, and its low bits stay the same where it wraps. */
function widened(code: Code, value: Value, type: FixedPointType): Value {
  const f = fractionBits(type);
  const by = f - value.f;
  if (isExact({ lo: value.lo * 2 ** by, hi: value.hi * 2 ** by })) return raised(value, f);
  if (type.o === "WRAP") {
    if (by >= type.w) return constant(0, f);
    return raised(wrap(code, value, type.w - by, false), f);
  }
  // A number that is not 0 leaves the type after w + 1 steps already.
  const steps = Math.min(by, type.w + 1);
  const { lo, hi } = bounds(type);
  const least = Math.ceil(lo / 2 ** steps) - 1;
  const most = Math.floor(hi / 2 ** steps) + 1;
  const near = clamp(code, value, least, most);
  return { ...times(near, constant(2 ** steps, 0)), f };
}

/** Fewer bits behind the point. */
export function round(code: Code, value: Value, f: number, q: FixedPointType["q"]): Value {
  const bits = value.f - f;
  if (bits <= 0) return raised(value, f);
  const half = 2 ** (bits - 1);
  if (value.lo > -half && value.hi < half) return roundedSmall(value, f, q);
  const result = {
    lo: Math.floor(value.lo / 2 ** bits),
    hi: Math.ceil(value.hi / 2 ** bits),
    f,
  };
  const x = q === "TRN" || q === "RND" || q === "RND_MIN_INF" ? value : code.bind(value);
  const added = { lo: value.lo, hi: value.hi + (q === "TRN" ? 0 : 2 * half) };
  if (bits <= 30 && isInt32(added)) {
    return { code: `((${x.code}${addend32(x.code, bits, q)}) >> ${bits})`, ...result };
  }
  if (!isExact(added)) minus(value, constant(-2 * half, value.f)); // says what is too wide
  return { code: `Math.floor((${x.code}${addend(x.code, bits, q)}) * ${2 ** -bits})`, ...result };
}

/** Less than half of what stays. */
function roundedSmall(value: Value, f: number, q: FixedPointType["q"]): Value {
  if (q !== "TRN" || value.lo >= 0) return constant(0, f);
  const code = isInt32(value) ? `(${value.code} >> 31)` : `(${value.code} < 0 ? -1 : 0)`;
  return { code, lo: -1, hi: value.hi < 0 ? -1 : 0, f };
}

function addend32(x: string, bits: number, q: FixedPointType["q"]): string {
  const half = 2 ** (bits - 1);
  switch (q) {
    case "TRN":
      return "";
    case "TRN_ZERO":
      return ` + (${x} >> 31 & ${2 * half - 1})`;
    case "RND":
      return ` + ${half}`;
    case "RND_MIN_INF":
      return ` + ${half - 1}`;
    case "RND_ZERO":
      return ` + ${half - 1} - (${x} >> 31)`;
    case "RND_INF":
      return ` + ${half} + (${x} >> 31)`;
    case "RND_CONV":
      return ` + ${half - 1} + (${x} >> ${bits} & 1)`;
    case "RND_CONV_ODD":
      return ` + ${half} - (${x} >> ${bits} & 1)`;
  }
}

function addend(x: string, bits: number, q: FixedPointType["q"]): string {
  const half = 2 ** (bits - 1);
  const floor = `Math.floor(${x} * ${2 ** -bits})`;
  const odd = `(${floor} - 2 * Math.floor(${x} * ${2 ** (-bits - 1)}))`;
  switch (q) {
    case "TRN":
      return "";
    case "TRN_ZERO":
      return ` + (${x} < 0 ? ${2 * half - 1} : 0)`;
    case "RND":
      return ` + ${half}`;
    case "RND_MIN_INF":
      return ` + ${half - 1}`;
    case "RND_ZERO":
      return ` + (${x} < 0 ? ${half} : ${half - 1})`;
    case "RND_INF":
      return ` + (${x} < 0 ? ${half - 1} : ${half})`;
    case "RND_CONV":
      return ` + ${half - 1} + ${odd}`;
    case "RND_CONV_ODD":
      return ` + ${half} - ${odd}`;
  }
}

/** True where no value leaves the type; the least one of SAT_SYM does. */
export function fits(value: Value, type: FixedPointType): boolean {
  const { lo, hi } = bounds(type);
  return value.lo >= (type.o === "SAT_SYM" && type.signed ? -hi : lo) && value.hi <= hi;
}

/** What becomes of a value outside the type; its binary point is where the type has it. */
export function fitted(code: Code, value: Value, type: FixedPointType): Value {
  if (fits(value, type)) return value;
  const { lo, hi } = bounds(type);
  switch (type.o) {
    case "WRAP":
      return wrap(code, value, type.w, type.signed);
    case "SAT":
    case "SAT_SYM":
      return clamp(code, value, type.o === "SAT_SYM" && type.signed ? -hi : lo, hi);
    case "SAT_ZERO": {
      const x = code.bind(value);
      const text = `(${x.code} > ${hi} || ${x.code} < ${lo} ? 0 : ${x.code})`;
      const kept = { lo: Math.min(0, Math.max(lo, x.lo)), hi: Math.max(0, Math.min(hi, x.hi)) };
      return { code: text, ...kept, f: x.f };
    }
  }
}

/** The low bits; `value` may be anything that is exact, because `<<` takes it modulo 2^32. */
function wrap(code: Code, value: Value, bits: number, signed: boolean): Value {
  const { f } = value;
  const range = signed
    ? { lo: -(2 ** (bits - 1)), hi: 2 ** (bits - 1) - 1 }
    : { lo: 0, hi: 2 ** bits - 1 };
  if (value.lo >= range.lo && value.hi <= range.hi) return value;
  if (signed && bits === 32) return { code: `(${value.code} | 0)`, ...range, f };
  if (signed && bits < 32) {
    return { code: `(${value.code} << ${32 - bits} >> ${32 - bits})`, ...range, f };
  }
  if (bits === 32) return { code: `(${value.code} >>> 0)`, ...range, f };
  if (bits < 32) return { code: `(${value.code} & ${range.hi})`, ...range, f };
  const x = code.bind(value);
  const size = 2 ** bits;
  const low = `(${x.code} - Math.floor(${x.code} * ${1 / size}) * ${size})`;
  if (!signed) return { code: low, ...range, f };
  const unsigned = code.bind(named(low, 0, size - 1, f));
  const text = `(${unsigned.code} > ${range.hi} ? ${unsigned.code} - ${size} : ${unsigned.code})`;
  return { code: text, ...range, f };
}

export function clamp(code: Code, value: Value, least: number, most: number): Value {
  if (value.lo >= least && value.hi <= most) return value;
  const x = code.bind(value);
  const below = x.lo < least ? `${x.code} < ${least} ? ${least} : ` : "";
  const above = x.hi > most ? `${x.code} > ${most} ? ${most} : ` : "";
  const lo = Math.min(Math.max(x.lo, least), most);
  const hi = Math.max(Math.min(x.hi, most), least);
  return { code: `(${above}${below}${x.code})`, lo, hi, f: x.f };
}
