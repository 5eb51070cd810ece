/** Runs the tests that rows of the matrix stand on, each file once. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../../src/package-root.ts";
import type { Fault } from "./fault.ts";
import type { TestOutcome } from "./outcomes-reporter.ts";

const VITEST = join(packageRoot, "node_modules", "vitest", "vitest.mjs");
const REPORTER = join(packageRoot, "test", "chaos", "matrix", "outcomes-reporter.ts");

export async function runTests(faults: readonly Fault[]): Promise<readonly TestOutcome[]> {
  const proofs = faults.flatMap((fault) => fault.proofs);
  const files = new Set(proofs.flatMap((proof) => ("file" in proof ? [proof.file] : [])));
  const folder = mkdtempSync(join(tmpdir(), "beamgate-outcomes-"));
  const outcomes = join(folder, "outcomes.json");
  try {
    const child = spawn(
      process.execPath,
      [
        ...[VITEST, "run", "--config", "test/vitest.config.ts"],
        ...["--reporter", "default", "--reporter", REPORTER, ...files],
      ],
      { cwd: packageRoot, stdio: "inherit", env: { ...process.env, CHAOS_OUTCOMES: outcomes } },
    );
    await new Promise((resolve) => child.once("exit", resolve));
    return readOutcomes(outcomes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws Error where the file is not there: Vitest itself failed. */
export function readOutcomes(file: string): readonly TestOutcome[] {
  return JSON.parse(readFileSync(file, "utf8")) as TestOutcome[];
}
