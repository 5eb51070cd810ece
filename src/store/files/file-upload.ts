/**
 * An upload in pieces: `uploads/<hex>` grows, and becomes a blob when its bytes have that digest. It
 * outlives connections and processes. One writer at a time: the file is locked by `uploads/<hex>.lock`,
 * which names the process that holds it.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";
import type { StoredBlob, Upload } from "../store.ts";
import { otherBytes, statOf, tooLarge, writeAll } from "./blob-files.ts";
import { toStoreError } from "./durable.ts";
import { tryLock } from "./lock-file.ts";

const READ_BYTES = 1024 * 1024;

/** Where an upload ends. */
interface BlobPlace {
  size(digest: string): Promise<number | undefined>;
  /** A path for a file in the making. */
  temporary(): string;
  adopt(made: string, digest: string): Promise<void>;
}

export class FileUpload implements Upload {
  readonly #path: string;
  readonly #digest: string;
  readonly #blobs: BlobPlace;
  #receivedBytes: number;

  private constructor(path: string, digest: string, blobs: BlobPlace, receivedBytes: number) {
    this.#path = path;
    this.#digest = digest;
    this.#blobs = blobs;
    this.#receivedBytes = receivedBytes;
  }

  static async open(folder: string, hex: string, blobs: BlobPlace): Promise<FileUpload> {
    const digest = `sha256:${hex}`;
    const path = join(folder, hex);
    const size = (await blobs.size(digest)) ?? (await statOf(path))?.size ?? 0;
    return new FileUpload(path, digest, blobs, size);
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  async append(
    offset: number,
    source: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<number> {
    return this.#alone(async () => {
      const handle = await open(this.#path, "a", 0o600);
      try {
        const { size } = await handle.stat();
        if (offset !== size) throw wrongOffset(offset, size);
        this.#receivedBytes = size;
        for await (const chunk of source) {
          if (this.#receivedBytes + chunk.byteLength > maxBytes) throw tooLarge(maxBytes);
          await writeAll(handle, chunk);
          this.#receivedBytes += chunk.byteLength;
        }
        await handle.sync();
        return this.#receivedBytes;
      } catch (cause) {
        throw toStoreError(cause, this.#path);
      } finally {
        await handle.close();
      }
    });
  }

  async finish(): Promise<StoredBlob> {
    const known = await this.#blobs.size(this.#digest);
    if (known !== undefined) {
      await this.drop();
      return { digest: this.#digest, sizeBytes: known };
    }
    return this.#alone(async () => {
      const size = (await statOf(this.#path))?.size;
      if (size === undefined) {
        const text = `nothing was uploaded for ${this.#digest}; send the bytes first`;
        throw new StatusError("FAILED_PRECONDITION", text);
      }
      // Nobody else writes to it from here on.
      const made = this.#blobs.temporary();
      await rename(this.#path, made);
      try {
        const hash = createHash("sha256");
        for await (const chunk of createReadStream(made, { highWaterMark: READ_BYTES })) {
          hash.update(chunk as Uint8Array);
        }
        const digest = `sha256:${hash.digest("hex")}`;
        if (digest !== this.#digest) throw otherBytes(digest, this.#digest);
        await this.#blobs.adopt(made, digest);
        return { digest, sizeBytes: size };
      } finally {
        await rm(made, { force: true });
      }
    });
  }

  async drop(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const unlock = await tryLock(`${this.#path}.lock`);
    if (unlock === undefined) throw taken(this.#digest);
    try {
      return await work();
    } finally {
      await unlock();
    }
  }
}

function wrongOffset(offset: number, expected: number): StatusError {
  const text = `the upload goes on at byte ${expected}, not ${offset}`;
  return new StatusError("FAILED_PRECONDITION", text);
}

function taken(digest: string): StatusError {
  const text = `somebody else is uploading ${digest} now; wait, then ask how far it got`;
  return new StatusError("ABORTED", text);
}
