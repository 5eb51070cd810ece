#!/usr/bin/env node
/**
 * The `beamgate` program. From a checkout it builds `dist/` first where sources
 * have changed since; from a built package, where there is no compiler or no
 * source, it runs what is there. Plain JavaScript, so that Node 20 can run it.
 */
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const OLDEST = [20, 19];

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    `error: beamgate needs Node ${OLDEST.join(".")} or newer, this is ${process.versions.node}\n`,
  );
  process.exit(1);
}

const root = join(dirname(realpathSync(fileURLToPath(import.meta.url))), "..", "..");
const entry = join(root, "dist", "src", "cli", "main.js");
const builder = join(root, "src", "cli", "build.mjs");

if (existsSync(builder)) {
  const { buildIfNeeded } = await import(pathToFileURL(builder).href);
  const failure = await buildIfNeeded(root, entry);
  if (failure !== undefined) {
    process.stderr.write(`error: beamgate could not be built\n${failure}\n`);
    process.exit(1);
  }
}
if (!existsSync(entry)) {
  process.stderr.write(`error: ${entry} is missing; run \`npm ci && npm run build\` in ${root}\n`);
  process.exit(1);
}

// A reader that has seen enough (`| head`) is no error; a full disk is, and needs no stack trace.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error) => {
    if (error.code === "EPIPE") return;
    if (stream === process.stdout) process.stderr.write(`error: no output: ${error.message}\n`);
    process.exit(1);
  });
}

const { main } = await import(pathToFileURL(entry).href);
// Under the name of the program it can stand in for, it has that one's only command.
const serves = basename(process.argv[1] ?? "") === "tritonserver";
const exitCode = await main([...(serves ? ["serve"] : []), ...process.argv.slice(2)]);
// A pipe takes only so much at a time: what is not out yet would be lost.
await Promise.all([process.stdout, process.stderr].map(written));
process.exit(exitCode);

/** Resolves when all that was written is out, or nobody wants it any more. */
function written(stream) {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}
