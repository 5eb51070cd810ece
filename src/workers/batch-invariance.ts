/**
 * Whether a row gives the same bits alone and in company. Libraries choose
 * their kernels by the number of rows, and another order of additions rounds
 * differently; for most models it is one kernel for one row and one for more.
 */
import { BYTES_PER_ELEMENT, type ModelVariant, type Tensor } from "../../backends/contract.ts";
import { count, joinRows, randomRows } from "./sample-tensors.ts";

const BATCH_SIZES = [2, 3, 7, 16, 64];
/** Of larger batches only some rows are compared. */
const COMPARED_WHOLE = 16;
const SEED = 20120704;

export interface InvarianceTrial {
  /** Runs one batch and returns all outputs in the variant's order. */
  run(inputs: readonly Tensor[], rows: number): Promise<readonly Tensor[]>;
  now(): number;
  readonly budgetMs: number;
}

/**
 * Compares the rows of batches of several sizes with the same rows run alone.
 * @returns undefined where nothing can be said: too slow, or the model takes no random rows.
 */
export async function isBatchInvariant(
  variant: ModelVariant,
  freeDim: number,
  { run, now, budgetMs }: InvarianceTrial,
): Promise<boolean | undefined> {
  const end = now() + budgetMs;
  const largest = Math.min(Math.max(...BATCH_SIZES), variant.maxBatchSize);
  if (largest < 2) return true;
  const rowsOfInput = randomRows(variant, largest, freeDim, SEED);
  const alone = new Map<number, readonly Uint8Array[]>();

  const bits = async (from: number, to: number): Promise<readonly Uint8Array[][]> => {
    const outputs = await run(joinRows(variant, rowsOfInput, from, to, freeDim), to - from);
    return outputs.map((output) => splitRows(output, to - from));
  };
  const bitsAlone = async (row: number): Promise<readonly Uint8Array[]> => {
    const known = alone.get(row) ?? (await bits(row, row + 1)).map((rows) => rows[0] ?? NOTHING);
    alone.set(row, known);
    return known;
  };

  const sizes = new Set(BATCH_SIZES.map((size) => Math.min(size, largest)));
  try {
    for (const size of sizes) {
      const together = await bits(0, size);
      for (const row of rowsToCompare(size)) {
        if (now() > end) return undefined;
        const expected = await bitsAlone(row);
        if (!together.every((rows, i) => sameBits(rows[row], expected[i]))) return false;
      }
    }
  } catch {
    return undefined;
  }
  return true;
}

function rowsToCompare(size: number): readonly number[] {
  if (size <= COMPARED_WHOLE) return Array.from({ length: size }, (_, row) => row);
  return [0, size >> 1, size - 2, size - 1];
}

const NOTHING = new Uint8Array(0);

function sameBits(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

/** The bytes of each row of a tensor whose first axis has `rows` entries. */
function splitRows(tensor: Tensor, rows: number): Uint8Array[] {
  const perRow = count(tensor.shape) / rows;
  if (tensor.datatype !== "BYTES") {
    const size = perRow * BYTES_PER_ELEMENT[tensor.datatype];
    return Array.from({ length: rows }, (_, i) => tensor.data.slice(i * size, (i + 1) * size));
  }
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  let at = 0;
  return Array.from({ length: rows }, () => {
    const start = at;
    for (let i = 0; i < perRow; i++) at += 4 + view.getUint32(at, true);
    return tensor.data.slice(start, at);
  });
}
