/**
 * Whole-number expressions of generated JavaScript, each with bounds that hold for
 * every input. The bounds decide what is written: bit operations where 32 bits
 * are enough, doubles (exact to 2^53) where not, and nothing where a value cannot overflow.
 */
import { BackendError } from "../../../contract.ts";

export interface Value {
  /** A name, a number, or an expression in parentheses. */
  readonly code: string;
  /** In units of the last bit; both inclusive. */
  readonly lo: number;
  readonly hi: number;
  /** Bits right of the binary point: the value is the integer times 2^-f. */
  readonly f: number;
}

const EXACT = 2 ** 53;

export function constant(integer: number, f: number): Value {
  const code = integer < 0 ? `(${integer})` : `${integer}`;
  return { code, lo: integer, hi: integer, f };
}

export function named(code: string, lo: number, hi: number, f: number): Value {
  return { code, lo, hi, f };
}

export function isExact({ lo, hi }: { readonly lo: number; readonly hi: number }): boolean {
  return lo >= -EXACT && hi <= EXACT;
}

export function isInt32({ lo, hi }: { readonly lo: number; readonly hi: number }): boolean {
  return lo >= -(2 ** 31) && hi < 2 ** 31;
}

export function times(a: Value, b: Value): Value {
  const corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi];
  const [lo, hi] = [Math.min(...corners), Math.max(...corners)];
  const f = a.f + b.f;
  if (b.lo === 1 && b.hi === 1) return { ...a, f };
  return exact({ code: `(${a.code} * ${b.code})`, lo, hi, f });
}

/** The same number with its binary point elsewhere: no arithmetic at all. */
export function scaled(value: Value, exponent: number): Value {
  return { ...value, f: value.f - exponent };
}

/** The same number with more bits behind the point. */
export function raised(value: Value, f: number): Value {
  return value.f === f ? value : times(value, constant(2 ** (f - value.f), f - value.f));
}

export function plus(a: Value, b: Value): Value {
  const f = Math.max(a.f, b.f);
  const [x, y] = [raised(a, f), raised(b, f)];
  return exact({ code: `(${x.code} + ${y.code})`, lo: x.lo + y.lo, hi: x.hi + y.hi, f });
}

export function minus(a: Value, b: Value): Value {
  const f = Math.max(a.f, b.f);
  const [x, y] = [raised(a, f), raised(b, f)];
  return exact({ code: `(${x.code} - ${y.code})`, lo: x.lo - y.hi, hi: x.hi - y.lo, f });
}

function exact(value: Value): Value {
  if (isExact(value)) return value;
  const bits = Math.ceil(Math.log2(Math.max(-value.lo, value.hi))) + 1;
  throw new BackendError(
    "artifact",
    `a product or sum of ${bits} bits, and the emulated board computes with at most 53: use narrower types`,
  );
}
