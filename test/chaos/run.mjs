/**
 * `node test/chaos/run.mjs [--short] [part ...]`: builds, then runs the parts named (all without a name; the names
 * stand in main.ts). `--short` does the least that shows each.
 *
 * Where all run, the table of faults F1 to F30 ends it. The word `matrix` runs also the tests that rows of it stand on
 * (or takes what became of them from `--outcomes FILE`, see matrix/outcomes-reporter.ts); `--table FILE` writes it.
 * `--results FILE` keeps what the parts told, and takes those of the parts that are not run this time.
 * The word `soak` has it bear mixed load with random faults: `--minutes N` (30), `--seed N` (1).
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
// The first builds the tests, the second what `serve` wants to see built.
const builders = [
  ["node_modules/typescript-7/bin/tsc", "--build"],
  ["src/cli/beamgate.mjs", "--version"],
];
for (const builder of builders) {
  const { status } = spawnSync(process.execPath, builder, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
await import("../../dist/test/chaos/main.js");
