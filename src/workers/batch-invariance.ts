/**
 * Whether a row gives the same bits alone and in company. Libraries choose
 * their kernels by the number of rows, and another order of additions rounds
 * differently; for most models it is one kernel for one row and one for more.
 */
import type { Tensor } from "../../backends/contract.ts";
import type { InferRequest, ModelSignature } from "../inference/request.ts";
import { mulberry32 } from "../inference/seeded-random.ts";
import { splitOutputs } from "../inference/split-outputs.ts";
import { clientOutputs, sampleRequest } from "./sample-requests.ts";

const BATCH_SIZES = [2, 3, 7, 16, 64];
/** Of larger batches only some rows are compared. */
const COMPARED_WHOLE = 16;
const SEED = 20120704;

export interface InvarianceTrial {
  /** Runs one batch and returns all outputs in the variant's order. */
  run(requests: readonly InferRequest[]): Promise<readonly Tensor[]>;
  now(): number;
  readonly budgetMs: number;
}

/**
 * Compares the rows of batches of several sizes with the same rows run alone.
 * @returns undefined where nothing can be said: too slow, or the model takes no random rows.
 */
export async function isBatchInvariant(
  signature: ModelSignature,
  freeDim: number,
  { run, now, budgetMs }: InvarianceTrial,
): Promise<boolean | undefined> {
  const end = now() + budgetMs;
  const largest = Math.min(Math.max(...BATCH_SIZES), signature.maxBatchSize);
  if (largest < 2) return true;
  const draw = mulberry32(SEED);
  const requests = Array.from({ length: largest }, () => sampleRequest(signature, freeDim, draw));
  const alone = new Map<number, readonly Uint8Array[]>();

  /** Of every row its outputs, as copies. */
  const bits = async (from: number, to: number): Promise<readonly Uint8Array[][]> => {
    const batch = requests.slice(from, to);
    const answers = splitOutputs(signature, batch, clientOutputs(signature, await run(batch)));
    return answers.map((outputs) => outputs.map(({ data }) => Uint8Array.from(data)));
  };
  const bitsAlone = async (row: number): Promise<readonly Uint8Array[]> => {
    const known = alone.get(row) ?? (await bits(row, row + 1))[0] ?? [];
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
        if (!together[row]?.every((output, i) => sameBits(output, expected[i]))) return false;
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

function sameBits(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}
