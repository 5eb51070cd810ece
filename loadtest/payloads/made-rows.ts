/** What a generator makes: the tensors of a request, before it is known under which names the model wants them. */
import type { Random } from "../../models/make/random.ts";
import type { PayloadTensor, Truth } from "../types.ts";

export interface MadeRows {
  readonly inputs: readonly PayloadTensor[];
  /** Things that an answer has a score for. */
  readonly rows: number;
  readonly truth?: Truth;
}

export interface RowGenerator {
  readonly describe: string;
  /** @param rows of the batch axis; for a graph: particles of the event */
  make(random: Random, rows: number): MadeRows;
  /** The rows are one thing that cannot be joined with another: a graph. */
  readonly whole?: true;
}

export function tensor(
  name: string,
  datatype: string,
  shape: readonly number[],
  values: Float32Array | BigInt64Array,
): PayloadTensor {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, datatype, shape, data };
}
