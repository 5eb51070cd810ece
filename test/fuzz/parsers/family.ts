/** A parser under fuzz: right inputs to begin with, and what may become of wrong ones. */
import { BackendError } from "../../../backends/contract.ts";
import type { Random } from "../../../models/make/random.ts";
import { StatusError } from "../../../src/errors.ts";
import { mutateBinary } from "../../support/mutate-binary.ts";
import { mutate, pick } from "../mutate.ts";

export const LARGEST_SEED_BYTES = 4096;

export interface Family {
  /** Right inputs, at most `LARGEST_SEED_BYTES` each. */
  readonly seeds: readonly Buffer[];
  /** Mutants of its own kind, made of a seed; half of them, where there are such. */
  mutate?(seed: Buffer, random: Random): Buffer;
  /**
   * Reads one mutant.
   * @returns what became of it, a word for the tally
   * @throws a finding: what nobody foresaw, or a promise of the parser that was broken
   */
  read(mutant: Buffer, random: Random): Promise<string> | string;
}

/** @param scratch a folder of its own, for parsers that read files */
export type MakeFamily = (scratch: string) => Promise<Family> | Family;

export function mutantOf({ seeds, mutate: own }: Family, random: Random): Buffer {
  const seed = pick(seeds, random);
  if (own !== undefined && random.chance(0.5)) return own(seed, random);
  if (random.chance(0.5)) return mutateBinary(random.bits(), seed);
  return mutate(seed, random, pick(seeds, random));
}

/** `read`, or `refused` where the refusal was meant by somebody. @throws what was not */
export async function outcomeOf(reading: () => unknown): Promise<"read" | "refused"> {
  try {
    await reading();
    return "read";
  } catch (thrown) {
    if (isMeant(thrown)) return "refused";
    throw thrown;
  }
}

/** Our own errors, unless there is a fault of the program in them. */
export function isMeant(thrown: unknown): boolean {
  if (!(thrown instanceof StatusError || thrown instanceof BackendError)) return false;
  return !isFault(thrown.cause);
}

function isFault(cause: unknown): boolean {
  // Node's own checks have a code: bytes that are no UTF-8 are a TypeError to it.
  if (cause instanceof Error && "code" in cause) return false;
  if (cause instanceof TypeError || cause instanceof ReferenceError) return true;
  if (cause instanceof RangeError && /call stack|allocation|Invalid array/.test(cause.message)) {
    return true;
  }
  return cause instanceof Error && cause.cause !== undefined && isFault(cause.cause);
}
