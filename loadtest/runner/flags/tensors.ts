/** Bytes of one tensor, as a file of perf_analyzer says them. */
import { elementSizeBytes } from "../../../src/inference/datatypes.ts";
import type { TensorMetadata } from "../../drivers/control/control.ts";
import { bytesOfNumbers } from "../../drivers/http-numbers.ts";

/**
 * One entry of perf_analyzer's JSON: a list of values, `{"content": [...]}` or
 * `{"b64": "..."}`; of one row, repeated for the others.
 */
export function bytesTensor(
  values: unknown,
  { name, datatype }: TensorMetadata,
  shape: readonly number[],
  rows: number,
  file: string,
): Uint8Array {
  const { b64, content } = (Array.isArray(values) ? {} : (values ?? {})) as {
    readonly b64?: unknown;
    readonly content?: unknown;
  };
  const list = Array.isArray(values) ? values : content;
  const one =
    typeof b64 === "string"
      ? Buffer.from(b64, "base64")
      : datatype === "BYTES"
        ? texts(list, name, file)
        : bytesOfNumbers(list, datatype, name);
  const elements = shape.reduce((product, length) => product * length, 1);
  const size = elementSizeBytes(datatype);
  const wanted = elements * size;
  if (size === 0 || one.length === wanted)
    return rows === 1 || one.length === wanted ? one : repeat(one, rows);
  if (one.length * rows === wanted) return repeat(one, rows);
  throw new Error(
    `${file}: input '${name}' has ${one.length / size} values where ${elements} are wanted (shape [${shape.join(",")}])`,
  );
}

function texts(list: unknown, name: string, file: string): Uint8Array {
  if (!Array.isArray(list)) throw new Error(`${file}: input '${name}' is no list of texts`);
  const parts = list.flat(Number.POSITIVE_INFINITY).map((text) => {
    const bytes = Buffer.from(String(text));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  return Buffer.concat(parts);
}

function repeat(bytes: Uint8Array, times: number): Uint8Array {
  return Buffer.concat(Array.from({ length: times }, () => bytes));
}
