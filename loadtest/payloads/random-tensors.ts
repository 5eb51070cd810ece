/** Random bytes that any model of these inputs takes: floats from -1 to 1, small whole numbers, short texts. */
import type { Random } from "../../models/make/random.ts";
import { StatusError } from "../../src/errors.ts";
import { elementSizeBytes, isDatatype } from "../../src/inference/datatypes.ts";
import type { ModelShape, PayloadTensor } from "../types.ts";
import { hasBatchAxis } from "./fit-model.ts";

const TEXT_BYTES = 16;
/** Whole numbers are below it: indices into anything that has as many entries. */
const WHOLE = 100;

/**
 * @param rows of the batch axis, where there is one
 * @param shapes of inputs with open axes, without the batch axis
 * @throws StatusError naming an open axis that nobody closed
 */
export function randomInputs(
  model: ModelShape,
  rows: number,
  shapes: Readonly<Record<string, readonly number[]>>,
  random: Random,
): PayloadTensor[] {
  const batched = hasBatchAxis(model);
  const unknown = Object.keys(shapes).find(
    (name) => !model.inputs.some((input) => input.name === name),
  );
  if (unknown !== undefined) {
    const names = model.inputs.map(({ name }) => name).join(", ");
    throw new StatusError(
      "INVALID_ARGUMENT",
      `shapes: model ${model.name} has no input '${unknown}', but ${names}`,
    );
  }
  return model.inputs.map(({ name, datatype, shape }) => {
    const own = batched ? shape.slice(1) : shape;
    const closed = shapes[name] ?? own;
    if (closed.some((length) => length < 0)) {
      throw new StatusError(
        "INVALID_ARGUMENT",
        `input '${name}' of model ${model.name} has the open shape [${own.join(",")}]: give its lengths, shapes: {${name}: [${own.map((length) => (length < 0 ? "N" : length)).join(", ")}]}`,
      );
    }
    const full = batched ? [rows, ...closed] : [...closed];
    return { name, datatype, shape: full, data: randomData(datatype, full, random) };
  });
}

/** @throws StatusError for a datatype that nobody knows */
export function randomData(datatype: string, shape: readonly number[], random: Random): Uint8Array {
  const elements = shape.reduce((product, length) => product * length, 1);
  if (!isDatatype(datatype)) {
    throw new StatusError("INVALID_ARGUMENT", `no random values of datatype ${datatype}`);
  }
  if (datatype === "BYTES") return randomTexts(elements, random);
  const size = elementSizeBytes(datatype);
  const bytes = new Uint8Array(elements * size);
  const view = new DataView(bytes.buffer);
  const write = WRITERS[datatype] ?? ((at: number) => view.setUint8(at, random.integer(WHOLE)));
  for (let at = 0; at < bytes.length; at += size) write(at, view, random);
  return bytes;
}

/** Sign and fraction at random, the exponent below that of 1. */
const halfBits = (random: Random, exponent: number, fractionBits: number) =>
  (random.integer(2) << 15) | (exponent << fractionBits) | random.integer(1 << fractionBits);

const WRITERS: Readonly<Record<string, (at: number, view: DataView, random: Random) => void>> = {
  FP64: (at, view, random) => view.setFloat64(at, random.uniform(-1, 1), true),
  FP32: (at, view, random) => view.setFloat32(at, random.uniform(-1, 1), true),
  FP16: (at, view, random) => view.setUint16(at, halfBits(random, 14, 10), true),
  BF16: (at, view, random) => view.setUint16(at, halfBits(random, 126, 7), true),
  BOOL: (at, view, random) => view.setUint8(at, random.integer(2)),
};

function randomTexts(elements: number, random: Random): Uint8Array {
  const bytes = Buffer.alloc(elements * (4 + TEXT_BYTES));
  for (let at = 0; at < bytes.length; at += 4 + TEXT_BYTES) {
    bytes.writeUInt32LE(TEXT_BYTES, at);
    for (let i = 0; i < TEXT_BYTES; i++) bytes[at + 4 + i] = 97 + random.integer(26);
  }
  return bytes;
}
