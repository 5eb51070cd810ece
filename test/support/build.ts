/**
 * Builds `dist/` once before the tests: worker processes cannot run TypeScript
 * on Node 20. Type errors are `npm run check`'s business: the compiler emits all
 * the same, and a test of another room can still run.
 */
import { spawnSync } from "node:child_process";
import { packageRoot } from "../../src/package-root.ts";

export default function build(): void {
  const compiler = ["node_modules/typescript-7/bin/tsc", "--build", ".", "src/http/dashboard/app"];
  spawnSync(process.execPath, compiler, { cwd: packageRoot, stdio: "inherit" });
}
