/** `npm run chaos`: builds, then runs the built faults; `--help` says what may be asked for. */
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
