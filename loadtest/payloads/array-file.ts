/** Arrays of a `.npz` file, or of a folder of `.npy` files, whole in memory, cut by rows. */
import { readFile, stat } from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { StatusError } from "../../src/errors.ts";
import { elementSizeBytes } from "../../src/inference/datatypes.ts";
import { parseNpyHeader } from "../../src/npz/npy-header.ts";
import { toRawElements } from "../../src/npz/raw-elements.ts";
import { openNpz } from "../../src/npz/read-npz.ts";

export interface RowArray {
  readonly datatype: string;
  /** Axis 0: rows. */
  readonly shape: readonly number[];
  /** Bytes of rows `from` to `to - 1`, as a tensor has them on the wire. */
  slice(from: number, to: number): Uint8Array;
}

/** @throws StatusError naming the array that is missing or none */
export async function readArrays(
  path: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, RowArray>> {
  let folder: boolean;
  try {
    folder = (await stat(path)).isDirectory();
  } catch (cause) {
    throw new StatusError("NOT_FOUND", `${path}: no such file or folder`, { cause });
  }
  return folder ? fromFolder(path, names) : fromNpz(path, names);
}

async function fromNpz(path: string, names: readonly string[]): Promise<Map<string, RowArray>> {
  const file = await openNpz(path);
  try {
    const arrays = new Map<string, RowArray>();
    for (const name of names) {
      const found = file.arrays.find((array) => array.name === name);
      for await (const { data } of file.chunks([name], found?.shape[0] || 1)) {
        const bytes = data.get(name);
        if (found !== undefined && bytes !== undefined) {
          arrays.set(name, rowArray(found.datatype, found.shape, bytes));
        }
      }
      if (!arrays.has(name)) throw invalid(`${path}: array '${name}' has no rows`);
    }
    return arrays;
  } finally {
    file.close();
  }
}

async function fromFolder(path: string, names: readonly string[]): Promise<Map<string, RowArray>> {
  const arrays = new Map<string, RowArray>();
  for (const name of names) {
    // The name may be the server's word: it stays in the folder.
    const inside = normalize(`${name}.npy`);
    if (isAbsolute(inside) || inside.startsWith("..")) {
      throw invalid(`${path}: '${name}' cannot be the name of a file`);
    }
    const file = join(path, inside);
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch (cause) {
      throw new StatusError("NOT_FOUND", `${file}: cannot be read`, { cause });
    }
    const header = parseNpyHeader(bytes);
    const expected = header?.shape.reduce((product, length) => product * length, header.itemBytes);
    if (header === undefined || bytes.length - header.headerBytes !== expected) {
      throw invalid(`${file}: its header promises ${expected ?? "more"} bytes than it has`);
    }
    if ((header.shape[0] ?? 0) === 0) throw invalid(`${file}: has no rows`);
    const raw = toRawElements(bytes.subarray(header.headerBytes), header);
    arrays.set(name, rowArray(header.datatype, header.shape, raw));
  }
  return arrays;
}

function rowArray(datatype: string, shape: readonly number[], bytes: Uint8Array): RowArray {
  const size = elementSizeBytes(datatype);
  const perRow = shape.slice(1).reduce((product, length) => product * length, 1);
  const starts = size > 0 ? undefined : textStarts(bytes, shape[0] ?? 0, perRow);
  const at = (row: number) => starts?.[row] ?? row * perRow * size;
  return { datatype, shape, slice: (from, to) => bytes.subarray(at(from), at(to)) };
}

/** Where each row of texts begins, and where the last one ends. */
function textStarts(bytes: Uint8Array, rows: number, perRow: number): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = new Float64Array(rows + 1);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    starts[row] = at;
    for (let i = 0; i < perRow; i++) at += 4 + view.getUint32(at, true);
  }
  starts[rows] = at;
  return starts;
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
