/**
 * Models that a client sent along with its request to load them (`file:<path>`).
 * They lie in a private folder of this process, never in the repository, and go
 * when the last version made from them was unloaded.
 */
import { randomBytes } from "node:crypto";
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { StatusError } from "../errors.ts";

export class GivenFiles {
  readonly #parent: string;
  #home: Promise<string> | undefined;
  #next = 0;

  /** @param parent where the private folder is made, once it is needed */
  constructor(parent = tmpdir()) {
    this.#parent = parent;
  }

  /**
   * The files as a model's folder.
   * @throws StatusError INVALID_ARGUMENT where a path leads out of it or there is no version among them
   */
  async write(model: string, files: ReadonlyMap<string, Uint8Array>): Promise<GivenFolder> {
    for (const path of files.keys()) checkPath(path);
    if (![...files.keys()].some((path) => /^[0-9]+\//.test(path))) {
      throw new StatusError(
        "INVALID_ARGUMENT",
        `the files given for model '${model}' have no version folder, expected e.g. 'file:1/model.onnx'`,
      );
    }
    this.#home ??= mkdtemp(join(this.#parent, `${PREFIX}${processMark(process.pid)}-`));
    // The model's folder has the model's name; loads of the same model need one each.
    const outer = join(await this.#home, String(this.#next++));
    const given = new GivenFolder(join(outer, model), () =>
      rm(outer, { recursive: true, force: true }),
    );
    try {
      for (const [path, bytes] of files) {
        const target = join(given.folder, path);
        await mkdir(dirname(target), { recursive: true, mode: 0o700 });
        await writeFile(target, bytes, { flag: "wx", mode: 0o600 });
      }
    } catch (cause) {
      await given.letGo();
      const reason = cause instanceof Error ? cause.message : String(cause);
      const what = `the files given for model '${model}' cannot be written: ${reason}`;
      throw new StatusError("INTERNAL", what, { cause });
    }
    return given;
  }

  async close(): Promise<void> {
    const home = await this.#home?.catch(() => undefined);
    if (home !== undefined) await rm(home, { recursive: true, force: true });
  }
}

/** Held once by whoever made it, and once by each version that is made from it. */
export class GivenFolder {
  readonly folder: string;
  readonly #remove: () => Promise<void>;
  #holders = 1;

  constructor(folder: string, remove: () => Promise<void>) {
    this.folder = folder;
    this.#remove = remove;
  }

  hold(): void {
    this.#holders++;
  }

  async letGo(): Promise<void> {
    if (--this.#holders === 0) await this.#remove();
  }
}

function checkPath(path: string): void {
  const parts = path.split("/");
  const steps = parts.some((part) => part === "" || part === "." || part === "..");
  if (!steps && !/[\\\0]/.test(path)) return;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `load parameter 'file:${path}' must name a path below the model's folder, e.g. 'file:1/model.onnx'`,
  );
}

const PREFIX = "beamgate-given-";
const NAME = /^beamgate-given-([0-9]+)-([0-9]+)-/;

/** A path for one more private folder of this process, found by `sweepGivenFiles` like the others. */
export function privateFolder(parent = tmpdir()): string {
  const unguessable = randomBytes(9).toString("base64url");
  return join(parent, `${PREFIX}${processMark(process.pid)}-${unguessable}`);
}

/** Process numbers mean something inside their namespace only: containers may share a folder. */
function processMark(pid: number): string {
  return `${pidNamespace()}-${pid}`;
}

function pidNamespace(): string {
  try {
    return /[0-9]+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  } catch {
    return "0";
  }
}

/**
 * Removes what a gateway left that was killed. Only folders of this user whose
 * process is gone.
 * @returns how many
 */
export async function sweepGivenFiles(parent = tmpdir()): Promise<number> {
  const own = pidNamespace();
  const stale = readdirSync(parent).filter((name) => {
    const [, namespace, pid] = NAME.exec(name) ?? [];
    if (pid === undefined || namespace !== own || isAlive(Number(pid))) return false;
    const facts = lstatSync(join(parent, name), { throwIfNoEntry: false });
    return facts?.isDirectory() === true && facts.uid === process.getuid?.();
  });
  await Promise.all(stale.map((name) => rm(join(parent, name), { recursive: true, force: true })));
  return stale.length;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
