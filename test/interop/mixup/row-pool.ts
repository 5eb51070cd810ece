/** Rows of one model with the answers they get when they run alone: what any batch must reproduce. */
import type { InferClient } from "../../support/infer-client.ts";
import { encodeQuestion } from "../../support/infer-messages.ts";
import type { ModelMetadata, TensorMetadata } from "../../support/model-metadata.ts";

export interface RowPool {
  readonly model: string;
  /** Bits must be equal in any batch; otherwise within the tolerance of the datatype. */
  readonly exact: boolean;
  readonly inputs: readonly TensorRows[];
  readonly outputs: readonly TensorRows[];
}

export interface TensorRows {
  readonly name: string;
  readonly datatype: string;
  /** Without the batch axis. */
  readonly rowShape: readonly number[];
  readonly rows: readonly Buffer[];
}

/** Rows made and run alone per pool. */
export const ROWS_PER_POOL = 48;

export type Random = () => number;

/** Mulberry32: numbers in [0, 1) that depend on `seed` alone. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** @throws Error for a datatype that this test has no rows for. */
function randomRow(datatype: string, elements: number, random: Random): Buffer {
  const values = Array.from({ length: elements }, () => random() * 4 - 2);
  if (datatype === "FP32") return Buffer.from(Float32Array.from(values).buffer);
  if (datatype === "FP64") return Buffer.from(Float64Array.from(values).buffer);
  if (datatype === "INT32") {
    return Buffer.from(Int32Array.from(values, (value) => value * 1000).buffer);
  }
  if (datatype === "FP16") {
    // sign and fraction at random, exponents from 2^-3 to 2^0
    const halves = Uint16Array.from(values, (value) => {
      const sign = value < 0 ? 0x8000 : 0;
      return sign | ((12 + Math.floor(random() * 4)) << 10) | Math.floor(random() * 1024);
    });
    return Buffer.from(halves.buffer);
  }
  throw new Error(`no random rows of ${datatype}`);
}

function randomRows(tensor: TensorMetadata, length: number, count: number, random: Random) {
  const rowShape = tensor.shape.slice(1).map((axis) => (axis < 0 ? length : axis));
  const elements = rowShape.reduce((product, axis) => product * axis, 1);
  const rows = Array.from({ length: count }, () => randomRow(tensor.datatype, elements, random));
  return { name: tensor.name, datatype: tensor.datatype, rowShape, rows };
}

/** Makes `count` rows (free axes get `length`) and runs each one alone. */
export async function makeRowPool(
  client: InferClient,
  metadata: ModelMetadata,
  options: { readonly count: number; readonly length: number; readonly exact: boolean },
  random: Random,
): Promise<RowPool> {
  const inputs = metadata.inputs.map((tensor) =>
    randomRows(tensor, options.length, options.count, random),
  );
  const answers: ReadonlyMap<string, Uint8Array>[] = [];
  for (let row = 0; row < options.count; row += 1) {
    const question = ask({ model: metadata.name, inputs }, row, 1, "", true);
    answers.push((await client.infer(question)).outputs);
  }
  const outputs = metadata.outputs.map((tensor) => ({
    name: tensor.name,
    datatype: tensor.datatype,
    rowShape: tensor.shape.slice(1),
    rows: answers.map((answer) => Buffer.from(answer.get(tensor.name) ?? [])),
  }));
  return { model: metadata.name, exact: options.exact, inputs, outputs };
}

/** A request of `rows` rows from `first` on, going round at the end of the pool. */
export function ask(
  pool: Pick<RowPool, "model" | "inputs">,
  first: number,
  rows: number,
  id: string,
  reproducible: boolean,
): Buffer {
  return encodeQuestion({
    model: pool.model,
    id,
    reproducible,
    inputs: pool.inputs.map((tensor) => ({
      name: tensor.name,
      datatype: tensor.datatype,
      shape: [rows, ...tensor.rowShape],
      data: Buffer.concat(take(tensor.rows, first, rows)),
    })),
  });
}

export function take(rows: readonly Buffer[], first: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, at) => rows[(first + at) % rows.length] ?? Buffer.of());
}
