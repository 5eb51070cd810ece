/**
 * A disk of its own for one gateway: a tmpfs in the gateway's own mount namespace, so that it goes with the
 * process, and so that a user who may not mount may use one where user namespaces are permitted.
 */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface SmallDisk {
  /** Starts the program behind it with the disk mounted. */
  readonly launcher: readonly string[];
  /** What is mounted at `folder`, seen from here. @param pid of the program */
  seenFrom(pid: number): string;
}

const NAMESPACES = [
  ["unshare", "-m"],
  ["unshare", "-Urm"],
] as const;

/** @returns the reason as a string where such a disk cannot be made */
export function smallDisk(folder: string, sizeBytes: number): SmallDisk | string {
  const script = `mount -t tmpfs -o size=${sizeBytes} none '${folder}' && exec "$@"`;
  let reason = "";
  for (const namespace of NAMESPACES) {
    const launcher = [...namespace, "/bin/sh", "-c", script, "sh"];
    const [program = "", ...words] = launcher;
    const { status, stderr, error } = spawnSync(program, [...words, "true"], { encoding: "utf8" });
    if (status === 0) return { launcher, seenFrom: (pid) => join(`/proc/${pid}/root`, folder) };
    reason = error?.message ?? stderr.trim();
  }
  return `no disk of its own can be mounted: ${reason}`;
}

/** Takes the room of a disk away. */
export class Filler {
  readonly #path: string;

  constructor(disk: string) {
    this.#path = join(disk, "filler");
  }

  /** Leaves so many bytes, rounded to whole pages, whatever was left before. */
  leave(bytes: number): void {
    this.remove();
    const file = openSync(this.#path, "a");
    const piece = Buffer.alloc(65_536);
    let written = 0;
    try {
      // A write that does not fit as a whole writes what fits.
      for (;;) written += writeSync(file, piece);
    } catch (thrown) {
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ENOSPC")) throw thrown;
    } finally {
      closeSync(file);
    }
    if (bytes > 0) truncateSync(this.#path, Math.max(0, written - bytes));
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}
