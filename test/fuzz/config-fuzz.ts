/** Mutated config.pbtxt files through everything that reads them: a definition, or a StatusError that says why. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackendError } from "../../backends/contract.ts";
import { backends } from "../../backends/index.ts";
import type { Random } from "../../models/make/random.ts";
import { StatusError } from "../../src/errors.ts";
import { prepareModel } from "../../src/registry/prepare.ts";
import { configSeeds } from "./corpus.ts";
import { hangMs } from "./hang.ts";
import { mutate, pick } from "./mutate.ts";
import type { Tally } from "./tally.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

export async function fuzzConfigs(cases: number, random: Random, tally: Tally): Promise<void> {
  const seeds = configSeeds();
  const root = mkdtempSync(join(tmpdir(), "beamgate-fuzz-"));
  const folder = join(root, "model");
  mkdirSync(join(folder, "1"), { recursive: true });
  const read = async (config: Buffer) => {
    writeFileSync(join(folder, "config.pbtxt"), config);
    const begin = performance.now();
    const outcome = await prepare(folder);
    return { outcome, tookMs: performance.now() - begin };
  };
  try {
    for (let i = 0; i < cases; i++) {
      const config = mutate(named(pick(seeds, random)), random, pick(seeds, random));
      const { outcome, tookMs } = await read(config);
      tally.count(outcome.startsWith("!") ? "finding" : outcome);
      if (outcome.startsWith("!")) tally.find(outcome.slice(1), config);
      const hang = await hangMs(tookMs, async () => (await read(config)).tookMs);
      if (hang !== undefined) tally.find(`a configuration took ${hang.toFixed(0)} ms`, config);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The folder is called `model` and holds no artifact: most mutations shall get beyond that. */
function named(config: Buffer): Buffer {
  const text = config
    .toString("latin1")
    .replace(/^\s*name\s*:\s*"[^"]*"/m, 'name: "model"')
    .replaceAll(/^\s*(platform|default_model_filename)\s*:\s*"(?!ensemble)[^"]*"/gm, "")
    .replaceAll(/^\s*backend\s*:\s*"[^"]*"/gm, "");
  return Buffer.from(text.includes("ensemble") ? text : `${text}\nbackend: "echo"\n`, "latin1");
}

async function prepare(folder: string): Promise<string> {
  const options = { modules: backends, autoComplete: true, log: quiet };
  try {
    const versions = await prepareModel(folder, options);
    for (const version of versions) {
      if ("error" in version && unforeseen(version.error)) return `!${describe(version.error)}`;
    }
    return versions.some((version) => "definition" in version) ? "accepted" : "refused";
  } catch (thrown) {
    return unforeseen(thrown) ? `!${describe(thrown)}` : "refused";
  }
}

/** A refusal was meant by somebody: it is no TypeError with a StatusError around it. */
function unforeseen(thrown: unknown): boolean {
  if (thrown instanceof BackendError) return false;
  if (!(thrown instanceof StatusError)) return true;
  const { cause } = thrown;
  return thrown.code === "INTERNAL" && cause instanceof Error && unforeseen(cause);
}

function describe(thrown: unknown): string {
  const cause = thrown instanceof StatusError ? (thrown.cause ?? thrown) : thrown;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
