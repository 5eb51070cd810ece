/** Mutants of one family, each with a seed of its own, so that any of them can be had again alone. */
import { mkdtempSync, rmSync } from "node:fs";
import { Random } from "../../../models/make/random.ts";
import { hangMs } from "../hang.ts";
import { Tally } from "../tally.ts";
import { families } from "./families.ts";
import { type Family, mutantOf } from "./family.ts";

/** Files of mutants are in memory. */
const SCRATCH = "/dev/shm/beamgate-fuzz-";
/** Between turns of the event loop, in which a rejection that nobody handled comes to light. */
const CASES_PER_TURN = 512;

export interface FuzzOrder {
  readonly family: string;
  readonly cases: number;
  /** Of the first case; the others follow it. */
  readonly seed: number;
}

/** @param progress is told the seed of each case before it begins */
export async function fuzzFamily(
  { family: name, cases, seed: first }: FuzzOrder,
  progress: (seed: number) => void,
): Promise<Tally> {
  const make = families[name];
  if (make === undefined) throw new Error(`there is no family '${name}'`);
  const scratch = mkdtempSync(SCRATCH);
  const tally = new Tally();
  const rejected = (reason: unknown) =>
    tally.find(`unhandled rejection: ${reason}`, Buffer.alloc(0));
  process.on("unhandledRejection", rejected);
  try {
    const family = await make(scratch);
    for (let seed = first; seed < first + cases; seed++) {
      progress(seed);
      await one(family, seed, tally);
      if (seed % CASES_PER_TURN === 0) await new Promise(setImmediate);
    }
    await new Promise(setImmediate);
  } finally {
    process.off("unhandledRejection", rejected);
    rmSync(scratch, { recursive: true, force: true });
  }
  return tally;
}

async function one(family: Family, seed: number, tally: Tally): Promise<void> {
  const attempt = async () => {
    const random = new Random(seed);
    const mutant = mutantOf(family, random);
    const begin = performance.now();
    try {
      const outcome = await family.read(mutant, random);
      return { mutant, outcome, tookMs: performance.now() - begin };
    } catch (thrown) {
      const what = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      tally.find(`seed ${seed}: ${what}`, mutant);
      return { mutant, outcome: "finding", tookMs: 0 };
    }
  };
  const { mutant, outcome, tookMs } = await attempt();
  tally.count(outcome);
  const hang = await hangMs(tookMs, async () => (await attempt()).tookMs);
  if (hang !== undefined) tally.find(`seed ${seed}: it took ${hang.toFixed(0)} ms`, mutant);
}
