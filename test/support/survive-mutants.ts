/** Runs a reader over mutants of a file: each is refused, or read harmlessly, in time. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackendError } from "../../backends/contract.ts";
import { mutateBinary, type Stretch } from "./mutate-binary.ts";

const MIB = 1024 * 1024;
/** A reading that takes longer is tried again, as the machine may have been busy. */
const TRIES = 8;

export interface MutantRun {
  readonly bytes: Uint8Array;
  readonly mutants: number;
  /** Seed of the first; the others follow it. */
  readonly seed: number;
  readonly hot?: readonly Stretch[];
  readonly limitMs: number;
  readonly inspect: (path: string) => Promise<unknown>;
}

export interface MutantTally {
  refused: number;
  read: number;
  /** Slowest and median reading. */
  slowestMs: number;
  medianMs: number;
  /** By how much the process grew, the mutants themselves included. */
  grownMiB: number;
  /** Seeds of mutants that broke a promise, and how. */
  readonly failures: string[];
}

export async function surviveMutants(run: MutantRun): Promise<MutantTally> {
  const folder = await mkdtemp(join(tmpdir(), "beamgate-mutants-"));
  const path = join(folder, "mutant");
  const times: number[] = [];
  const tally: MutantTally = {
    refused: 0,
    read: 0,
    slowestMs: 0,
    medianMs: 0,
    grownMiB: 0,
    failures: [],
  };
  const before = process.memoryUsage().rss;
  try {
    for (let seed = run.seed; seed < run.seed + run.mutants; seed++) {
      await writeFile(path, mutateBinary(seed, run.bytes, run.hot));
      let fastestMs = Number.POSITIVE_INFINITY;
      let outcome: "read" | "refused" | string = "read";
      for (let tries = 0; tries < TRIES && fastestMs > run.limitMs; tries++) {
        const started = performance.now();
        outcome = await outcomeOf(run.inspect(path));
        fastestMs = Math.min(fastestMs, performance.now() - started);
      }
      times.push(fastestMs);
      if (outcome === "read" || outcome === "refused") tally[outcome] += 1;
      else tally.failures.push(`seed ${seed}: ${outcome}`);
      if (fastestMs > run.limitMs) tally.failures.push(`seed ${seed}: ${fastestMs} ms`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  times.sort((one, other) => one - other);
  tally.slowestMs = times.at(-1) ?? 0;
  tally.medianMs = times[Math.floor(times.length / 2)] ?? 0;
  tally.grownMiB = Math.max(0, process.memoryUsage().rss - before) / MIB;
  return tally;
}

async function outcomeOf(reading: Promise<unknown>): Promise<string> {
  try {
    // Facts must be plain JSON, whatever was in the file.
    JSON.stringify(await reading);
    return "read";
  } catch (thrown) {
    if (thrown instanceof BackendError && thrown.fault === "artifact") return "refused";
    return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
}
