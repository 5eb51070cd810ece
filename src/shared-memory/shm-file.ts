/**
 * A file of /dev/shm that a client named. It is read and written by system call
 * and never mapped: a client may cut it off at any time, and touching a mapping
 * behind its end would kill the process, where a call comes back short.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
/** Of a name in a folder, bytes. */
const NAME_MAX = 255;

export class ShmFile {
  #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * @param key what shm_open takes: slashes in front do not count, there are none within
   * @returns undefined where there is no such file, or where it is no regular file directly in `folder`
   */
  static open(folder: string, key: string): ShmFile | undefined {
    const name = key.replace(/^\/+/, "");
    if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) return undefined;
    if (Buffer.byteLength(name) > NAME_MAX) return undefined;
    let fd: number;
    try {
      // Not through a link, and not waiting for the other end of a pipe.
      fd = openSync(join(folder, name), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    } catch {
      return undefined;
    }
    if (fstatSync(fd).isFile()) return new ShmFile(fd);
    closeSync(fd);
    return undefined;
  }

  get sizeBytes(): number {
    return fstatSync(this.#fd).size;
  }

  /** Fills `target`. @returns false where the file ends before that. */
  read(target: Uint8Array, position: number): boolean {
    for (let at = 0; at < target.byteLength; ) {
      const bytes = readSync(this.#fd, target, at, target.byteLength - at, position + at);
      if (bytes === 0) return false;
      at += bytes;
    }
    return true;
  }

  /** @returns false where the file ends before that; it is never made longer. */
  write(source: Uint8Array, position: number): boolean {
    if (position + source.byteLength > this.sizeBytes) return false;
    for (let at = 0; at < source.byteLength; ) {
      at += writeSync(this.#fd, source, at, source.byteLength - at, position + at);
    }
    return true;
  }

  /** Idempotent. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}
