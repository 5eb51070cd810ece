/** A large artifact into the registry's store, hashed while it is written, against `sha256sum` on the same file. */
import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { runNode } from "../child.ts";
import { type BenchResult, BenchSkipped } from "../result.ts";
import { interleaved, median, ratiosOf } from "../rounds.ts";
import type { Setting } from "../setting.ts";

const BYTES = 2 ** 30;
const ROUNDS = 3;

interface Stored {
  readonly seconds: number;
  readonly grownMb: number;
}

export async function put({ folder }: Setting): Promise<BenchResult> {
  const file = join(folder, "large-artifact");
  writeRandom(file);
  const digest = `sha256:${sha256sum(file).hex}`;
  const store = join(folder, "put-store");
  const stored = async (how: "put" | "upload") => {
    const args = [how, file, store, digest];
    const result = await runNode<Stored>("test/bench/processes/blob-put.js", args);
    rmSync(store, { recursive: true });
    return result;
  };
  const rounds = await interleaved(
    ROUNDS,
    () => stored("put"),
    async () => ({ sum: sha256sum(file).seconds, upload: await stored("upload") }),
  );
  rmSync(file);
  // Of speeds: the seconds are below the line.
  const { ratio, noise } = ratiosOf(
    rounds.map(({ subject: [a, b], control: { sum } }) => ({
      subject: [1 / a.seconds, 1 / b.seconds] as const,
      control: 1 / sum,
    })),
  );
  const puts = rounds.flatMap(({ subject }) => subject);
  const uploads = rounds.map(({ control }) => control.upload);
  return {
    name: "put",
    measures: "speed of keeping a 1 GiB file ÷ speed of sha256sum on it",
    value: ratio.median,
    spread: ratio,
    noise,
    goal: { kind: "at least", value: 0.5 },
    figures: {
      "seconds of a put": median(puts.map(({ seconds }) => seconds)),
      "seconds of an upload in pieces of 64 MiB": median(uploads.map(({ seconds }) => seconds)),
      "seconds of sha256sum": median(rounds.map(({ control }) => control.sum)),
      "MB by which memory grew, at most": Math.max(
        ...[...puts, ...uploads].map(({ grownMb }) => grownMb),
      ),
    },
    errors: {},
  };
}

function writeRandom(file: string): void {
  const block = Buffer.alloc(2 ** 24);
  const out = openSync(file, "w");
  for (let written = 0; written < BYTES; written += block.length) {
    writeSync(out, randomFillSync(block));
  }
  closeSync(out);
}

function sha256sum(file: string): { readonly hex: string; readonly seconds: number } {
  const begin = performance.now();
  try {
    const [hex = ""] = execFileSync("sha256sum", [file], { encoding: "utf8" }).split(" ");
    return { hex, seconds: (performance.now() - begin) / 1000 };
  } catch (cause) {
    throw new BenchSkipped(`sha256sum did not run: ${String(cause)}`);
  }
}
