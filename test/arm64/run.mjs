/** `node test/arm64/run.mjs`: builds, then runs the built comparison of ARM with x86. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const builder = ["node_modules/typescript-7/bin/tsc", "--build"];
const { status } = spawnSync(process.execPath, builder, { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(1);
await import("../../dist/test/arm64/main.js");
