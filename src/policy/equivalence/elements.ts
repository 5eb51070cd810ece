/** Elements of a tensor as numbers, and how many representable numbers lie between two of them. */
import { BYTES_PER_ELEMENT, type Datatype } from "../../../backends/contract.ts";

/** Two tensors of one datatype, element by element. */
export interface ElementPairs {
  readonly count: number;
  /** Exact but for 64-bit integers beyond 2^53, whose difference `distance` still has. */
  got(at: number): number;
  expected(at: number): number;
  /** |got - expected|, exact also for 64-bit integers; NaN where one of them is. */
  distance(at: number): number;
  /**
   * Representable numbers from one to the other; +0 and -0 are one, all NaN are one, and from NaN or an
   * infinity to anything else it is infinitely far. Integers: their difference.
   */
  ulp(at: number): number;
  /** The same bits, where all NaN are one value. */
  same(at: number): boolean;
}

/** @param got, expected of equal length, which is a multiple of the element's */
export function elementPairs(
  datatype: Exclude<Datatype, "BYTES">,
  got: Uint8Array,
  expected: Uint8Array,
): ElementPairs {
  const count = got.byteLength / BYTES_PER_ELEMENT[datatype];
  const [a, b] = [aligned(got), aligned(expected)];
  switch (datatype) {
    case "FP32":
      return floats(count, new Float32Array(a), new Float32Array(b), ordered32(a), ordered32(b));
    case "FP64":
      return doubles(count, a, b);
    case "FP16":
      return floats(count, halves(a), halves(b), ordered16(a), ordered16(b));
    case "BF16":
      return floats(count, brains(a), brains(b), ordered16(a), ordered16(b));
    case "INT64":
      return bigIntegers(count, new BigInt64Array(a), new BigInt64Array(b));
    case "UINT64":
      return bigIntegers(count, new BigUint64Array(a), new BigUint64Array(b));
    default:
      return integers(count, integerArray(datatype, a), integerArray(datatype, b));
  }
}

type Numbers = ArrayLike<number>;

function floats(
  count: number,
  a: Numbers,
  b: Numbers,
  bitsA: Numbers,
  bitsB: Numbers,
): ElementPairs {
  const ulp = (at: number) => {
    const [x, y] = [a[at] ?? 0, b[at] ?? 0];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return 0;
    if (!Number.isFinite(x) || !Number.isFinite(y)) return Number.POSITIVE_INFINITY;
    return Math.abs((bitsA[at] ?? 0) - (bitsB[at] ?? 0));
  };
  return {
    count,
    got: (at) => a[at] ?? 0,
    expected: (at) => b[at] ?? 0,
    distance: (at) => distance(a[at] ?? 0, b[at] ?? 0),
    ulp,
    same: (at) => sameNumber(a[at] ?? 0, b[at] ?? 0),
  };
}

function doubles(count: number, bufferA: ArrayBuffer, bufferB: ArrayBuffer): ElementPairs {
  const [a, b] = [new Float64Array(bufferA), new Float64Array(bufferB)];
  const [bitsA, bitsB] = [new BigInt64Array(bufferA), new BigInt64Array(bufferB)];
  const ordered = (bits: bigint) => (bits < 0n ? -(bits & 0x7fff_ffff_ffff_ffffn) : bits);
  return {
    ...floats(count, a, b, [], []),
    ulp(at) {
      const [x, y] = [a[at] ?? 0, b[at] ?? 0];
      if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return 0;
      if (!Number.isFinite(x) || !Number.isFinite(y)) return Number.POSITIVE_INFINITY;
      const between = ordered(bitsA[at] ?? 0n) - ordered(bitsB[at] ?? 0n);
      return Number(between < 0n ? -between : between);
    },
  };
}

function integers(count: number, a: Numbers, b: Numbers): ElementPairs {
  const between = (at: number) => Math.abs((a[at] ?? 0) - (b[at] ?? 0));
  return {
    count,
    got: (at) => a[at] ?? 0,
    expected: (at) => b[at] ?? 0,
    distance: between,
    ulp: between,
    same: (at) => a[at] === b[at],
  };
}

function bigIntegers(count: number, a: ArrayLike<bigint>, b: ArrayLike<bigint>): ElementPairs {
  const between = (at: number) => {
    const difference = (a[at] ?? 0n) - (b[at] ?? 0n);
    return Number(difference < 0n ? -difference : difference);
  };
  return {
    count,
    got: (at) => Number(a[at] ?? 0n),
    expected: (at) => Number(b[at] ?? 0n),
    distance: between,
    ulp: between,
    same: (at) => a[at] === b[at],
  };
}

function distance(a: number, b: number): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  return Math.abs(a - b);
}

const sameNumber = (a: number, b: number) =>
  Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b));

/** Typed arrays begin at multiples of their elements. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return copy.buffer;
}

function integerArray(datatype: Datatype, buffer: ArrayBuffer): Numbers {
  switch (datatype) {
    case "INT8":
      return new Int8Array(buffer);
    case "INT16":
      return new Int16Array(buffer);
    case "UINT16":
      return new Uint16Array(buffer);
    case "INT32":
      return new Int32Array(buffer);
    case "UINT32":
      return new Uint32Array(buffer);
    default:
      return new Uint8Array(buffer); // BOOL, UINT8
  }
}

/** Sign and magnitude as one order of numbers, in which neighbours differ by one. */
function ordered32(buffer: ArrayBuffer): Numbers {
  const bits = new Int32Array(buffer);
  return Float64Array.from(bits, (value) => (value < 0 ? -(value & 0x7fff_ffff) : value));
}

function ordered16(buffer: ArrayBuffer): Numbers {
  const bits = new Int16Array(buffer);
  return Float64Array.from(bits, (value) => (value < 0 ? -(value & 0x7fff) : value));
}

function brains(buffer: ArrayBuffer): Numbers {
  const bits = new Uint16Array(buffer);
  return new Float32Array(Uint32Array.from(bits, (value) => value << 16).buffer);
}

function halves(buffer: ArrayBuffer): Numbers {
  return Float64Array.from(new Uint16Array(buffer), (bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
    if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
}
