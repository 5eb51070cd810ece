/** Requests cut from arrays of files, one row behind the other, from the beginning again at the end. */
import { basename } from "node:path";
import { StatusError } from "../../src/errors.ts";
import type { ModelShape, PayloadTensor, Truth } from "../types.ts";
import { type RowArray, readArrays } from "./array-file.ts";
import { hasBatchAxis } from "./fit-model.ts";

export interface FileRows {
  readonly describe: string;
  /** Rows `from` to `from + rows - 1`, around the end. */
  take(from: number, rows: number): { readonly inputs: PayloadTensor[]; readonly truth?: Truth };
}

export interface FileSpec {
  readonly path: string;
  /** Array of the truth variable. */
  readonly truth?: string | undefined;
  /** Array of 1 for signal and 0 for background. */
  readonly signal?: string | undefined;
}

/** @throws StatusError where the arrays do not fit the model, or each other */
export async function fileRows(spec: FileSpec, model: ModelShape): Promise<FileRows> {
  const { path, truth, signal } = spec;
  if (!hasBatchAxis(model)) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `${path}: model ${model.name} has no batch axis, so rows of a file are no requests`,
    );
  }
  const extra = [truth, signal].filter((name) => name !== undefined);
  const names = [...model.inputs.map(({ name }) => name), ...extra];
  const arrays = await readArrays(path, [...new Set(names)]);
  const array = (name: string) => arrays.get(name) as RowArray;
  const rows = array(names[0] ?? "").shape[0] ?? 0;
  for (const name of names) check(name, array(name), rows, model, path);
  const columns = {
    values: truth === undefined ? undefined : numbersOf(array(truth), rows),
    signal: signal === undefined ? undefined : numbersOf(array(signal), rows),
  };
  return {
    describe: `${rows} rows of ${basename(path)}`,
    take(from, count) {
      const first = from % rows;
      const head = Math.min(count, rows - first);
      const pieces = [{ from: first, to: first + head }];
      for (let left = count - head; left > 0; left -= rows) {
        pieces.push({ from: 0, to: Math.min(left, rows) });
      }
      const inputs = model.inputs.map(({ name }): PayloadTensor => {
        const { datatype, shape, slice } = array(name);
        const data = Buffer.concat(pieces.map((piece) => slice(piece.from, piece.to)));
        return { name, datatype, shape: [count, ...shape.slice(1)], data };
      });
      if (columns.values === undefined && columns.signal === undefined) return { inputs };
      const column = (values: Float64Array | undefined) =>
        Float64Array.from(
          { length: count },
          (_, row) => values?.[(first + row) % rows] ?? Number.NaN,
        );
      return {
        inputs,
        truth: {
          variable: truth ?? "no truth variable",
          values: column(columns.values),
          // Without labels all is signal: the file is then a sample of it.
          signal: Uint8Array.from(column(columns.signal), (label) => (label === 0 ? 0 : 1)),
        },
      };
    },
  };
}

function check(name: string, array: RowArray, rows: number, model: ModelShape, path: string): void {
  const wrong = (text: string) =>
    new StatusError("INVALID_ARGUMENT", `${path}: array '${name}' ${text}`);
  if (array.shape[0] !== rows) throw wrong(`has ${array.shape[0]} rows, others have ${rows}`);
  const input = model.inputs.find((one) => one.name === name);
  if (input === undefined) return;
  if (input.datatype !== array.datatype) {
    throw wrong(`is ${array.datatype}, model ${model.name} takes ${input.datatype}`);
  }
  const fits =
    input.shape.length === array.shape.length &&
    input.shape.every((length, axis) => axis === 0 || length < 0 || length === array.shape[axis]);
  if (!fits) {
    throw wrong(
      `has the shape [${array.shape.join(",")}], model ${model.name} takes [${input.shape.join(",")}]`,
    );
  }
}

const READERS: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  BOOL: (view, at) => view.getUint8(at),
  UINT8: (view, at) => view.getUint8(at),
  INT8: (view, at) => view.getInt8(at),
  UINT16: (view, at) => view.getUint16(2 * at, true),
  INT16: (view, at) => view.getInt16(2 * at, true),
  UINT32: (view, at) => view.getUint32(4 * at, true),
  INT32: (view, at) => view.getInt32(4 * at, true),
  INT64: (view, at) => Number(view.getBigInt64(8 * at, true)),
  UINT64: (view, at) => Number(view.getBigUint64(8 * at, true)),
  FP32: (view, at) => view.getFloat32(4 * at, true),
  FP64: (view, at) => view.getFloat64(8 * at, true),
};

/** One number a row. */
function numbersOf({ datatype, shape, slice }: RowArray, rows: number): Float64Array {
  const read = READERS[datatype];
  const perRow = shape.slice(1).reduce((product, length) => product * length, 1);
  if (read === undefined || perRow !== 1) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `an array of truths has one number a row, this one ${perRow} of ${datatype}`,
    );
  }
  const bytes = slice(0, rows);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: rows }, (_, row) => read(view, row));
}
