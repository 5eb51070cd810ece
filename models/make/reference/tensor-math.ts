/** Tensor arithmetic in double precision, written to be obviously right, not fast. */
import type { Values } from "./read-onnx.ts";

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Applies `combine` element by element, with NumPy's broadcasting. */
export function broadcast(a: Values, b: Values, combine: (x: number, y: number) => number): Values {
  const rank = Math.max(a.shape.length, b.shape.length);
  const shape = Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [lengthAt(a, axis, rank), lengthAt(b, axis, rank)];
    if (x !== y && x !== 1 && y !== 1) throw new Error(`[${a.shape}] and [${b.shape}] do not fit`);
    return x === 1 ? y : x;
  });
  const data = eachIndex(shape, (index) => combine(pick(a, index), pick(b, index)));
  return { shape, data };
}

export function map(a: Values, change: (x: number) => number): Values {
  return { shape: a.shape, data: a.data.map(change) };
}

/** [..., n, k] times [k, m]. */
export function multiply(a: Values, b: Values): Values {
  const [inner = 0, columns = 0] = b.shape;
  if (a.shape.at(-1) !== inner) throw new Error(`[${a.shape}] x [${b.shape}] does not fit`);
  const rows = sizeOf(a.shape) / inner;
  const data: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        sum += (a.data[row * inner + k] ?? 0) * (b.data[k * columns + column] ?? 0);
      }
      data.push(sum);
    }
  }
  return { shape: [...a.shape.slice(0, -1), columns], data };
}

export function concat(parts: readonly Values[], axis: number): Values {
  const [first] = parts;
  if (first === undefined) throw new Error("nothing to join");
  const shape = [...first.shape];
  shape[axis] = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
  const data = eachIndex(shape, (index) => {
    const within = [...index];
    for (const part of parts) {
      const length = part.shape[axis] ?? 0;
      if ((within[axis] ?? 0) < length) return pick(part, within);
      within[axis] = (within[axis] ?? 0) - length;
    }
    return 0;
  });
  return { shape, data };
}

/** Every element with those before it along `axis`. */
export function runningSum(a: Values, axis: number): Values {
  const data = eachIndex(a.shape, (index) => {
    let sum = 0;
    for (let at = 0; at <= (index[axis] ?? 0); at++) {
      sum += pick(
        a,
        index.map((own, i) => (i === axis ? at : own)),
      );
    }
    return sum;
  });
  return { shape: a.shape, data };
}

export function slice(a: Values, axis: number, from: number, to: number): Values {
  const shape = [...a.shape];
  shape[axis] = to - from;
  return {
    shape,
    data: eachIndex(shape, (index) =>
      pick(
        a,
        index.map((at, i) => (i === axis ? at + from : at)),
      ),
    ),
  };
}

/** Rows of `a` (or elements) at `indices`, which may be a single one without an axis. */
export function gather(a: Values, indices: Values): Values {
  const rest = a.shape.slice(1);
  const width = sizeOf(rest);
  const data = indices.data.flatMap((at) => a.data.slice(at * width, (at + 1) * width));
  return { shape: [...indices.shape, ...rest], data };
}

export function transpose(a: Values, order: readonly number[]): Values {
  const shape = order.map((axis) => a.shape[axis] ?? 0);
  const data = eachIndex(shape, (index) => {
    const source = new Array<number>(order.length).fill(0);
    order.forEach((axis, i) => {
      source[axis] = index[i] ?? 0;
    });
    return pick(a, source);
  });
  return { shape, data };
}

/** The sum along one axis, which is kept with length 1. */
export function sumAlong(a: Values, axis: number): Values {
  const shape = a.shape.map((length, i) => (i === axis ? 1 : length));
  const data = eachIndex(shape, (index) => {
    let sum = 0;
    for (let k = 0; k < (a.shape[axis] ?? 0); k++) {
      sum += pick(
        a,
        index.map((at, i) => (i === axis ? k : at)),
      );
    }
    return sum;
  });
  return { shape, data };
}

export function without(a: Values, axis: number): Values {
  return { shape: a.shape.filter((_, i) => i !== axis), data: a.data };
}

function lengthAt(a: Values, axis: number, rank: number): number {
  const own = axis - (rank - a.shape.length);
  return own < 0 ? 1 : (a.shape[own] ?? 1);
}

/** The element at `index`; axes of length 1 and missing leading axes repeat. */
function pick(a: Values, index: readonly number[]): number {
  const skipped = index.length - a.shape.length;
  let offset = 0;
  a.shape.forEach((length, axis) => {
    offset = offset * length + (length === 1 ? 0 : (index[axis + skipped] ?? 0));
  });
  return a.data[offset] ?? Number.NaN;
}

/** Calls `make` for every index of the shape, in row-major order. */
function eachIndex(shape: readonly number[], make: (index: readonly number[]) => number): number[] {
  const index = shape.map(() => 0);
  return Array.from({ length: sizeOf(shape) }, () => {
    const value = make(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next === shape[axis] ? 0 : next;
      if (next !== shape[axis]) break;
    }
    return value;
  });
}
