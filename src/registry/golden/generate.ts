/**
 * Golden inputs for a model of which nobody gave any: seeded, rows of every kind that numbers come in.
 */
import {
  BYTES_PER_ELEMENT,
  type Datatype,
  type FixedDatatype,
  type FixedPointType,
} from "../../../backends/contract.ts";
import type { ClientTensorSpec, ModelSignature } from "../../inference/request.ts";
import { type Draw, mulberry32 } from "../../inference/seeded-random.ts";
import { writeNpz } from "../../npz/write-npz.ts";

export interface GoldenInputs {
  readonly rows: number;
  readonly seed: number;
  /** In place of axes of any length. */
  readonly freeDim: number;
  /** False: integers are 0 and 1, as they may be indices. */
  readonly wideIntegers: boolean;
  /** How boards keep an input, by its name: the edges of its range are among the rows. */
  readonly encodings: ReadonlyMap<string, FixedPointType>;
}

/** Rows in one piece of what is written. */
const PIECE_ROWS = 1024;

/** Shapes without the batch axis are the rows' own. BF16 is written as its bits, UINT16. */
export async function generateInputs(
  path: string,
  { inputs }: ModelSignature,
  options: GoldenInputs,
): Promise<void> {
  const required = inputs.filter(({ optional }) => optional !== true);
  await writeNpz(
    path,
    required.map((spec, at) => {
      const shape = spec.shape.map((axis) => (axis < 0 ? options.freeDim : axis));
      return {
        name: spec.name,
        datatype: spec.datatype === "BF16" ? "UINT16" : spec.datatype,
        shape: [options.rows, ...shape],
        chunks: pieces(spec, shape, options, mulberry32(options.seed + at)),
      };
    }),
  );
}

function* pieces(
  spec: ClientTensorSpec,
  shape: readonly number[],
  options: GoldenInputs,
  draw: Draw,
): Iterable<Uint8Array> {
  const width = shape.reduce((product, axis) => product * axis, 1);
  for (let first = 0; first < options.rows; first += PIECE_ROWS) {
    const rows = Math.min(PIECE_ROWS, options.rows - first);
    const values = new Float64Array(rows * width);
    for (let row = 0; row < rows; row += 1) {
      const kind = first + row;
      for (let at = 0; at < width; at += 1) {
        values[row * width + at] = drawnValue(spec, kind, at, options, draw);
      }
    }
    yield encode(spec.datatype, values);
  }
}

/** Every eighth row is of the same kind. */
function drawnValue(
  { name, datatype }: ClientTensorSpec,
  row: number,
  at: number,
  { wideIntegers, encodings }: GoldenInputs,
  draw: Draw,
): number {
  const drawn = draw();
  const kind = row % 8;
  if (datatype === "BOOL" || datatype === "BYTES") return drawn < 0.5 ? 0 : 1;
  if (isInteger(datatype)) {
    if (!wideIntegers || kind < 4) return drawn < 0.5 ? 0 : 1;
    return integer(datatype, kind, drawn);
  }
  if (kind === 0) return row === 0 ? 0 : 4 * drawn - 2;
  const encoding = encodings.get(name);
  if (encoding !== undefined && kind === 1) return edgeOf(encoding, row >> 3, at, drawn);
  if (kind === 2) return drawn < 0.9 ? 0 : 8 * draw() - 4; // sparse
  if (kind === 3) return (drawn - 0.5) * 2 ** -6;
  if (kind === 4 && row > 8) return normal(drawn, draw()) * 4;
  return normal(drawn, draw());
}

function normal(a: number, b: number): number {
  return Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b);
}

/** One element of the row at an edge of the type's range or between two raw integers, the others near zero. */
function edgeOf({ w, i, signed }: FixedPointType, turn: number, at: number, drawn: number): number {
  const lsb = 2 ** (i - w);
  const largest = 2 ** (signed ? w - 1 : w) - 1;
  const edges = [
    largest * lsb,
    signed ? -(largest + 1) * lsb : 0,
    lsb,
    -lsb,
    lsb / 2,
    -lsb / 2,
    1.5 * lsb,
    (largest + 2) * lsb,
  ];
  return at === turn % 16 ? (edges[turn % edges.length] ?? 0) : drawn - 0.5;
}

function isInteger(datatype: Datatype): boolean {
  return datatype.startsWith("INT") || datatype.startsWith("UINT");
}

function integer(datatype: Datatype, kind: number, drawn: number): number {
  const bits = 8 * (datatype === "BYTES" ? 1 : BYTES_PER_ELEMENT[datatype]);
  const unsigned = datatype.startsWith("UINT");
  const least = unsigned ? 0 : -(2 ** (bits - 1));
  const span = 2 ** Math.min(bits, 52);
  if (kind === 4 && drawn < 0.1) return drawn < 0.05 ? least : Math.min(least + span - 1, 2 ** 52);
  const reach = kind < 6 ? 256 : span;
  return Math.floor(drawn * Math.min(reach, span)) + (unsigned ? 0 : -Math.min(reach, span) / 2);
}

function encode(datatype: Datatype, values: Float64Array): Uint8Array {
  if (datatype === "BYTES") return texts(values);
  const size = BYTES_PER_ELEMENT[datatype];
  const view = new DataView(new ArrayBuffer(size * values.length));
  for (const [at, value] of values.entries()) WRITE[datatype](view, at * size, value);
  return new Uint8Array(view.buffer);
}

type Write = (view: DataView, at: number, value: number) => void;

const byte: Write = (view, at, value) => view.setUint8(at, value & 0xff);
const short: Write = (view, at, value) => view.setUint16(at, value & 0xffff, true);
const word: Write = (view, at, value) => view.setUint32(at, value >>> 0, true);

const WRITE: Readonly<Record<FixedDatatype, Write>> = {
  BOOL: byte,
  UINT8: byte,
  INT8: byte,
  UINT16: short,
  INT16: short,
  UINT32: word,
  INT32: word,
  UINT64: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  INT64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  FP16: (view, at, value) => short(view, at, halfOf(value)),
  BF16: (view, at, value) => short(view, at, bitsOf(value) >>> 16),
  FP32: (view, at, value) => view.setFloat32(at, value, true),
  FP64: (view, at, value) => view.setFloat64(at, value, true),
};

const WORD = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  WORD.setFloat32(0, value);
  return WORD.getUint32(0);
}

/** Cut off, not rounded: any half will do. Beyond its range the largest. */
function halfOf(value: number): number {
  const bits = bitsOf(value);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  if (exponent <= 0) return sign;
  if (exponent >= 31) return sign | 0x7bff;
  return sign | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}

/** Fixed-width strings of numpy are read as texts with their length; here "0" and "1". */
function texts(values: Float64Array): Uint8Array {
  return Uint8Array.from(values, (value) => (value === 0 ? 0x30 : 0x31));
}
