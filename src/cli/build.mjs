/**
 * Builds `dist/` where its sources are not the ones it was built from. Two
 * programs that start at once build once: the other waits. Prints nothing.
 * Left out of the published package, which is built already.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What the built files depend on; folders and files that do not exist count as empty. */
const SOURCES = [
  "src",
  "backends",
  "models/make",
  "loadtest",
  "tsconfig.json",
  "package.json",
  "node_modules/typescript-7/package.json",
];
/** Of the dashboard: for browsers, so it has a configuration of its own. */
const PAGE = "src/http/dashboard/app";
const SOURCE_NAME = /\.(ts|mts|json)$/;
const TEST_NAME = /\.test\.ts$/;
/** A lock older than this belongs to a program that can no longer be asked. */
const LOCK_LIFETIME_MS = 180_000;
const POLL_MS = 50;

/**
 * @param {string} root folder of package.json
 * @param {string} entry the built file that must exist
 * @returns {Promise<string | undefined>} what the compiler said, where the build failed
 */
export async function buildIfNeeded(root, entry) {
  const compiler = join(root, "node_modules", "typescript-7", "bin", "tsc");
  const sources = join(root, "src", "cli", "main.ts");
  if (!existsSync(compiler) || !existsSync(sources)) return undefined;
  const dist = join(root, "dist");
  const stamp = join(dist, ".built-from");
  const lookedAt = join(dist, ".looked-at");
  const upToDate = () => {
    if (!existsSync(entry)) return false;
    const builtFrom = readOrEmpty(stamp);
    const untouched = `${builtFrom}\n${fingerprint(root, TOUCHED)}`;
    if (readOrEmpty(lookedAt) === untouched) return true;
    if (builtFrom !== fingerprint(root, CONTENT)) return false;
    remember(lookedAt, untouched);
    return true;
  };
  if (upToDate()) return undefined;
  if (existsSync(entry) && !writable(dist)) return undefined; // run what is there
  try {
    mkdirSync(dist, { recursive: true });
  } catch (error) {
    return `cannot write ${dist}: ${error.message}`;
  }

  const unlock = await lock(join(dist, ".build-lock"), upToDate);
  if (unlock === undefined) return undefined; // another program has built it meanwhile
  try {
    if (upToDate()) return undefined;
    // Before the build: what changes during it is built next time.
    const builtFrom = fingerprint(root, CONTENT);
    const force = existsSync(entry) ? [] : ["--force"];
    // Types are `npm run check`'s business; without them a first start takes half the time.
    const failure = await run([compiler, "--build", ".", PAGE, "--noCheck", ...force], root);
    if (failure !== undefined) return failure;
    replaceFile(stamp, builtFrom);
    return undefined;
  } finally {
    unlock();
  }
}

/** What of a source counts. The second is a quarter of the work: whose times and inode are the same is the same. */
const CONTENT = (path, { size }) => [`${size}`, readFileSync(path)];
const TOUCHED = (_, { size, mtimeMs, ctimeMs, ino }) => [`${size} ${mtimeMs} ${ctimeMs} ${ino}`];

/** Changes with any source. */
function fingerprint(root, partsOf) {
  const hash = createHash("sha256");
  const add = (path, named) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    if (found?.isDirectory()) {
      for (const name of readdirSync(join(root, path)).sort()) add(join(path, name), false);
    } else if (found?.isFile() && (named || (SOURCE_NAME.test(path) && !TEST_NAME.test(path)))) {
      hash.update(`${path}\0`);
      for (const part of partsOf(join(root, path), found)) hash.update(part).update("\0");
    }
  };
  for (const source of SOURCES) add(source, true);
  return hash.digest("hex");
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function replaceFile(path, text) {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, text);
  renameSync(fresh, path);
}

/** Where it cannot be kept it is found out again. */
function remember(path, text) {
  try {
    replaceFile(path, text);
  } catch {
    // a folder of somebody else
  }
}

function writable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Waits until this program may build, or until `done`.
 * @returns what gives the lock back; undefined where `done` came first
 */
async function lock(path, done) {
  const mine = `${process.pid}\n${Date.now()}`;
  for (;;) {
    try {
      const prepared = `${path}.new.${process.pid}`;
      writeFileSync(prepared, mine);
      try {
        linkSync(prepared, path); // with its content from the first moment
      } finally {
        rmSync(prepared, { force: true });
      }
      return () => {
        if (readOrEmpty(path) === mine) rmSync(path, { force: true });
      };
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const theirs = readOrEmpty(path);
    if (abandoned(theirs)) takeAway(path, theirs);
    else await sleep(POLL_MS);
    if (!existsSync(path) && done()) return undefined;
  }
}

function abandoned(owner) {
  const [pid, since] = owner.split("\n").map(Number);
  if (!pid || !since) return false; // gone again
  if (Date.now() - since > LOCK_LIFETIME_MS) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

/** Removes the lock of a dead program, and nobody else's that may have come since. */
function takeAway(path, theirs) {
  const aside = `${path}.old.${process.pid}`;
  try {
    renameSync(path, aside);
    if (readOrEmpty(aside) !== theirs) linkSync(aside, path);
  } catch {
    // another program was faster
  }
  rmSync(aside, { force: true });
}

/** @returns all that was said, where the compiler failed */
function run(argv, cwd) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, argv, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const listen = (chunk) => {
      said += chunk;
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code) => resolve(code === 0 ? undefined : said || `exit code ${code}`));
  });
}
