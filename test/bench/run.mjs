// `npm run bench`: builds, then runs the built bench (Node 20 cannot run TypeScript).
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const build = spawnSync(
  process.execPath,
  ["node_modules/typescript-7/bin/tsc", "--build", ".", "src/http/dashboard/app"],
  {
    cwd: root,
    stdio: "inherit",
  },
);
if (build.status !== 0)
  process.stderr.write("bench: the build reported errors; measuring what it made\n");
await import("../../dist/test/bench/main.js");
