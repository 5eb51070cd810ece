/** Bytes of one tensor: random, or what a file says. */
import { elementSizeBytes } from "../../../src/inference/datatypes.ts";
import type { TensorMetadata } from "../../drivers/control/control.ts";
import { bytesOfNumbers } from "../../drivers/http-numbers.ts";

const TEXT_BYTES = 16;

/** Floats from -1 to 1, small integers, texts of 16 letters. */
export function randomTensor(
  { datatype }: TensorMetadata,
  shape: readonly number[],
  random: () => number,
): Uint8Array {
  const elements = shape.reduce((product, length) => product * length, 1);
  if (datatype === "BYTES") return randomTexts(elements, random);
  const bytes = new Uint8Array(elements * elementSizeBytes(datatype));
  const view = new DataView(bytes.buffer);
  const each = (size: number, set: (at: number) => void) => {
    for (let at = 0; at < bytes.length; at += size) set(at);
  };
  const integer = () => Math.floor(random() * 100);
  switch (datatype) {
    case "FP64":
      each(8, (at) => view.setFloat64(at, 2 * random() - 1, true));
      break;
    case "FP32":
      each(4, (at) => view.setFloat32(at, 2 * random() - 1, true));
      break;
    case "FP16":
      // Sign, an exponent below 1, any fraction.
      each(2, (at) =>
        view.setUint16(at, ((random() * 2) << 15) | (14 << 10) | (random() * 1024), true),
      );
      break;
    case "BF16":
      each(2, (at) =>
        view.setUint16(at, ((random() * 2) << 15) | (126 << 7) | (random() * 128), true),
      );
      break;
    case "BOOL":
      each(1, (at) => view.setUint8(at, random() < 0.5 ? 0 : 1));
      break;
    default: {
      const size = elementSizeBytes(datatype);
      each(size, (at) => view.setUint8(at, integer()));
    }
  }
  return bytes;
}

function randomTexts(elements: number, random: () => number): Uint8Array {
  const bytes = Buffer.alloc(elements * (4 + TEXT_BYTES));
  for (let at = 0; at < bytes.length; at += 4 + TEXT_BYTES) {
    bytes.writeUInt32LE(TEXT_BYTES, at);
    for (let i = 0; i < TEXT_BYTES; i++) bytes[at + 4 + i] = 97 + Math.floor(random() * 26);
  }
  return bytes;
}

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
