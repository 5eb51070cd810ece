/**
 * `node test/interop/run.mjs [--short] [NAME ...]`: builds, makes a python
 * environment with the official client in `.venv` (or uses $INTEROP_PYTHON), runs
 * every part in a process of its own and adds up the counts.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { argv, env, execPath, exit, stdout } from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const here = join(root, "test", "interop");
/** Every script beside this file is a part, but for those that the newcomer's check uses. */
const PARTS = readdirSync(here)
  .filter((file) => file.endsWith(".py") && !file.startsWith("first_"))
  .map((file) => file.slice(0, -".py".length))
  .sort();
/** Parts that mostly wait: what comes after them runs beside them. */
const WAITING = new Set(["prometheus"]);
const flags = argv.slice(2).filter((word) => word.startsWith("--"));
const chosen = argv.slice(2).filter((word) => !word.startsWith("--"));
const wanted = (name) => chosen.length === 0 || chosen.includes(name);

function run(program, args) {
  const { status } = spawnSync(program, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return status === 0;
}

function python() {
  if (env.INTEROP_PYTHON) return env.INTEROP_PYTHON;
  const interpreter = join(root, ".venv", "bin", "python");
  const ready = () =>
    existsSync(interpreter) &&
    run(interpreter, ["-c", "import tritonclient.grpc, tritonclient.http"]);
  if (ready()) return interpreter;
  const made =
    run("python3", ["-m", "venv", join(root, ".venv")]) &&
    run(interpreter, ["-m", "pip", "install", "-q", "-r", join(here, "requirements.txt")]);
  if (!made) {
    stdout.write("FAIL  python environment: needs python3 with venv, and tritonclient from PyPI\n");
    exit(1);
  }
  return interpreter;
}

/** @param told is given what the part prints. @returns its counts. */
function part(program, args, told) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (chunk) => {
      output += chunk;
      told(chunk);
    });
    child.on("close", (status) => {
      const counts = /(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/.exec(output);
      const [passed, failed, skipped] = (counts ?? [0, 0, 1, 0])
        .slice(1)
        .map((n) => Number(n ?? 0));
      resolve({ passed, failed: status === 0 ? failed : Math.max(1, failed), skipped });
    });
  });
}

// The first builds the tests, the second what `serve` wants to see built.
for (const builder of [
  ["node_modules/typescript-7/bin/tsc", "--build"],
  ["src/cli/beamgate.mjs", "--version"],
]) {
  if (!run(execPath, builder)) exit(1);
}
const total = { passed: 0, failed: 0, skipped: 0 };
const add = ({ passed, failed, skipped }) => {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
};
const names = PARTS.filter(wanted);
const interpreter = names.length > 0 ? python() : "";
async function timed(name, program, args, tell) {
  const began = performance.now();
  tell(`--- ${name}\n`);
  add(await part(program, args, tell));
  tell(`--- ${name} took ${Math.round((performance.now() - began) / 1000)} s\n`);
}
const tell = (text) => stdout.write(text);
/** Told in one piece, when it has ended. */
async function beside(name, program, args) {
  const texts = [];
  await timed(name, program, args, (text) => texts.push(text));
  tell(texts.join(""));
}
const waiting = [];
for (const name of names) {
  const args = ["-B", join(here, `${name}.py`)];
  if (WAITING.has(name)) waiting.push(beside(name, interpreter, args));
  else await timed(name, interpreter, args, tell);
}
if (wanted("mixup")) {
  const entry = join(root, "dist", "test", "interop", "mixup", "main.js");
  await timed("mixup", execPath, [entry, ...flags], tell);
}
await Promise.all(waiting);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
stdout.write(`--- interop\n${total.passed} passed, ${total.failed} failed${skipped}\n`);
exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
