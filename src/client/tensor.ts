/** Tensors with their elements as typed arrays, row-major. */
import { toBf16, toFp16 } from "./half-floats.ts";

/** What holds the elements of each datatype. */
export interface ArrayOf {
  /** 0 or 1. */
  readonly BOOL: Uint8Array;
  readonly INT8: Int8Array;
  readonly INT16: Int16Array;
  readonly INT32: Int32Array;
  readonly INT64: BigInt64Array;
  readonly UINT8: Uint8Array;
  readonly UINT16: Uint16Array;
  readonly UINT32: Uint32Array;
  readonly UINT64: BigUint64Array;
  /** Bits; `fromFp16` makes numbers of them. */
  readonly FP16: Uint16Array;
  /** Bits; `fromBf16` makes numbers of them. */
  readonly BF16: Uint16Array;
  readonly FP32: Float32Array;
  readonly FP64: Float64Array;
  /** Elements of any length; `texts` reads them as UTF-8. */
  readonly BYTES: readonly Uint8Array[];
}

export type Datatype = keyof ArrayOf;

/** A union by datatype: `if (tensor.datatype === "FP32") tensor.data` is a Float32Array. */
export type Tensor<D extends Datatype = Datatype> = {
  readonly [K in D]: {
    readonly name: string;
    readonly datatype: K;
    /** Every axis, the batch axis (rows) first where the model has one. */
    readonly shape: readonly number[];
    readonly data: ArrayOf[K];
  };
}[D];

/** What `tensor` takes for each datatype beside the array itself. */
export type ValuesOf<D extends Datatype> = D extends "BYTES"
  ? readonly (string | Uint8Array)[]
  : D extends "INT64" | "UINT64"
    ? ArrayOf[D] | readonly (bigint | number)[]
    : D extends "BOOL"
      ? Uint8Array | readonly boolean[]
      : D extends "FP16" | "BF16"
        ? Uint16Array | Float32Array | readonly number[]
        : ArrayOf[D] | readonly number[];

const INTEGERS = {
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
} as const;

/**
 * A tensor to send. Numbers of FP16 and BF16 are rounded, a Uint16Array is taken
 * for their bits; texts become UTF-8. A typed array is kept, not copied.
 * @throws RangeError where the elements do not fill the shape, or one does not fit the datatype
 */
export function tensor<D extends Datatype>(
  name: string,
  datatype: D,
  shape: readonly number[],
  values: ValuesOf<D>,
): Tensor<D> {
  const data = arrayOf(name, datatype, values as ValuesOf<Datatype>);
  const expected = shape.reduce((product, length) => product * length, 1);
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0)) {
    throw new RangeError(`tensor ${name}: [${shape.join(", ")}] is no shape`);
  }
  if (data.length !== expected) {
    throw new RangeError(
      `tensor ${name}: shape [${shape.join(", ")}] has ${expected} elements, got ${data.length}`,
    );
  }
  return { name, datatype, shape, data } as Tensor<D>;
}

/** The elements of a BYTES tensor as texts. */
export function texts({ data }: Tensor<"BYTES">): string[] {
  const utf8 = new TextDecoder();
  return data.map((element) => utf8.decode(element));
}

function arrayOf(name: string, datatype: Datatype, values: ValuesOf<Datatype>): ArrayOf[Datatype] {
  switch (datatype) {
    case "BYTES": {
      const elements = values as ValuesOf<"BYTES">;
      return elements.map((each) => (typeof each === "string" ? Buffer.from(each) : each));
    }
    case "INT64":
    case "UINT64":
      return bigIntegers(name, datatype, values as ValuesOf<"INT64">);
    case "BOOL":
      if (values instanceof Uint8Array) return values;
      return Uint8Array.from(values as readonly boolean[], (value) => (value ? 1 : 0));
    case "FP16":
    case "BF16":
      if (values instanceof Uint16Array) return values;
      return (datatype === "FP16" ? toFp16 : toBf16)(values as readonly number[]);
    case "FP32":
      if (values instanceof Float32Array) return values;
      return Float32Array.from(values as readonly number[]);
    case "FP64":
      if (values instanceof Float64Array) return values;
      return Float64Array.from(values as readonly number[]);
    default:
      return integers(name, datatype, values as readonly number[]);
  }
}

function integers(name: string, datatype: keyof typeof INTEGERS, values: ArrayLike<number>) {
  const array = INTEGERS[datatype];
  if (values instanceof array) return values;
  const made = array.from(values);
  const at = made.findIndex((value, index) => value !== values[index]);
  if (at >= 0) throw misfit(name, datatype, at, values[at]);
  return made;
}

function bigIntegers(name: string, datatype: "INT64" | "UINT64", values: ValuesOf<"INT64">) {
  const array = datatype === "INT64" ? BigInt64Array : BigUint64Array;
  if (values instanceof array) return values;
  const given = Array.from(values as readonly (bigint | number)[]);
  const exact = (value: bigint | number) =>
    typeof value === "bigint" || Number.isSafeInteger(value);
  const bad = given.findIndex((value) => !exact(value));
  if (bad >= 0) throw misfit(name, datatype, bad, given[bad]);
  const whole = given.map(BigInt);
  const made = array.from(whole);
  const at = whole.findIndex((value, index) => value !== made[index]);
  if (at >= 0) throw misfit(name, datatype, at, given[at]);
  return made;
}

function misfit(name: string, datatype: Datatype, at: number, value: unknown): RangeError {
  return new RangeError(`tensor ${name}: element ${at} is ${value}, which is no ${datatype}`);
}
