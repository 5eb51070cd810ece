/**
 * A file in memory that gateway and worker both map: what one writes, the other
 * reads. Its name lives only until the worker has opened it, so nothing stays
 * behind whoever dies afterwards, and however.
 */
import { randomBytes } from "node:crypto";
import { accessSync, closeSync, constants, openSync, readdirSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commitFile, mapShared, releaseFile } from "./libc.ts";

/** What the names of all slabs begin with. */
export const SLAB_PREFIX = "beamgate-";
const NAME = /^beamgate-(\d+)-[0-9a-f]{32}$/;

export class Slab {
  readonly path: string;
  #fd: number;
  #named: boolean;
  #memory: ArrayBuffer | undefined;
  #committedBytes = 0;

  private constructor(path: string, fd: number, named: boolean) {
    this.path = path;
    this.#fd = fd;
    this.#named = named;
  }

  /** A new slab of this process under a name nobody can guess. @throws as the system does. */
  static create(folder: string): Slab {
    const path = join(folder, `${SLAB_PREFIX}${process.pid}-${randomBytes(16).toString("hex")}`);
    return new Slab(path, openSync(path, "wx+", 0o600), true);
  }

  /** A slab that another process created. */
  static open(path: string): Slab {
    const { O_RDWR, O_NOFOLLOW } = constants;
    return new Slab(path, openSync(path, O_RDWR | O_NOFOLLOW), false);
  }

  /** Bytes for which memory is there. */
  get committedBytes(): number {
    return this.#committedBytes;
  }

  /** The first `sizeBytes` as memory. Committed by whoever created the slab. */
  view(sizeBytes: number): ArrayBuffer {
    if (this.#memory?.byteLength !== sizeBytes) this.#memory = mapShared(this.#fd, sizeBytes);
    return this.#memory;
  }

  /** Makes the first `sizeBytes` safe to touch. @throws with `code` ENOSPC or ENOMEM. */
  commit(sizeBytes: number): void {
    if (sizeBytes <= this.#committedBytes) return;
    commitFile(this.#fd, this.#committedBytes, sizeBytes);
    this.#committedBytes = sizeBytes;
  }

  /** Gives everything behind `sizeBytes` back. Views beyond it must not be touched any more. */
  shrink(sizeBytes: number): void {
    if (sizeBytes >= this.#committedBytes) return;
    releaseFile(this.#fd, sizeBytes, this.#committedBytes);
    this.#committedBytes = sizeBytes;
    this.#memory = undefined;
  }

  /** Takes the name away; the memory stays for those who have it open. Idempotent. */
  unlink(): void {
    if (!this.#named) return;
    this.#named = false;
    unlinkSync(this.path);
  }

  /** Lets go; the memory is free once the other side and all views did so too. Idempotent. */
  close(): void {
    this.unlink();
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
    this.#memory = undefined;
  }
}

/** `preferred`, or the system's folder for temporary files where that is not writable. */
export function chooseSlabFolder(preferred: string): string {
  try {
    accessSync(preferred, constants.W_OK | constants.X_OK);
    return preferred;
  } catch {
    return tmpdir();
  }
}

/**
 * Removes slabs whose gateway died in the moment between creating and unlinking.
 * @returns how many.
 */
export function sweepStaleSlabs(folder: string): number {
  let swept = 0;
  for (const name of readdirSync(folder)) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      unlinkSync(join(folder, name));
      swept += 1;
    } catch {
      // Somebody else's, or swept by another gateway at the same time.
    }
  }
  return swept;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
