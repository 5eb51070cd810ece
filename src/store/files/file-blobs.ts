/**
 * Bytes by their content: `blobs/sha256/<first two digits>/<hex>`, read-only. A blob is written in
 * `tmp/` while it is hashed and linked to its name when it is whole and durable.
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, link, mkdir, open, readdir, rename, rm, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Blobs, StoredBlob, Upload } from "../store.ts";
import { DIGEST, hexOf, otherBytes, statOf, tooLarge, writeAll } from "./blob-files.ts";
import { linkNew, toStoreError } from "./durable.ts";
import { FileUpload } from "./file-upload.ts";

/** Blobs and leftovers younger than this are never swept: somebody may be about to name them. */
const GRACE_MS = 3_600_000;
const READ_BYTES = 1024 * 1024;

export class FileBlobs implements Blobs {
  readonly #folder: string;
  readonly #graceMs: number;

  /** @param folder of the store */
  constructor(folder: string, graceMs = GRACE_MS) {
    this.#folder = folder;
    this.#graceMs = graceMs;
  }

  async put(
    source: AsyncIterable<Uint8Array>,
    { maxBytes, expected, signal }: Parameters<Blobs["put"]>[1],
  ): Promise<StoredBlob> {
    if (expected !== undefined) hexOf(expected);
    const made = this.temporary();
    try {
      const handle = await open(made, "wx", 0o600);
      const hash = createHash("sha256");
      let sizeBytes = 0;
      try {
        for await (const chunk of source) {
          signal?.throwIfAborted();
          sizeBytes += chunk.byteLength;
          if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
          const written = writeAll(handle, chunk);
          hash.update(chunk);
          await written;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      const digest = `sha256:${hash.digest("hex")}`;
      if (expected !== undefined && digest !== expected) throw otherBytes(digest, expected);
      await this.adopt(made, digest);
      return { digest, sizeBytes };
    } catch (cause) {
      await rm(made, { force: true });
      throw signal?.aborted === true ? cause : toStoreError(cause, made);
    }
  }

  path(digest: string): string {
    const hex = hexOf(digest);
    return join(this.#folder, "blobs", "sha256", hex.slice(0, 2), hex);
  }

  async has(digest: string): Promise<boolean> {
    return (await this.size(digest)) !== undefined;
  }

  async size(digest: string): Promise<number | undefined> {
    return (await statOf(this.path(digest)))?.size;
  }

  async rehash(digest: string): Promise<string | undefined> {
    const hash = createHash("sha256");
    try {
      for await (const chunk of createReadStream(this.path(digest), {
        highWaterMark: READ_BYTES,
      })) {
        hash.update(chunk as Uint8Array);
      }
    } catch (cause) {
      if ((await statOf(this.path(digest))) === undefined) return undefined;
      throw cause;
    }
    return `sha256:${hash.digest("hex")}`;
  }

  async sweep(keep: ReadonlySet<string>): Promise<readonly string[]> {
    const removed: string[] = [];
    const youngest = Date.now() - this.#graceMs;
    for (const digest of await this.list()) {
      if (keep.has(digest)) continue;
      const facts = await statOf(this.path(digest));
      if (facts === undefined || facts.mtimeMs > youngest) continue;
      if (await this.#removeIfOld(digest, youngest)) removed.push(digest);
    }
    for (const folder of ["tmp", "uploads"]) {
      for (const name of await readdir(join(this.#folder, folder)).catch(() => [])) {
        const path = join(this.#folder, folder, name);
        const facts = await statOf(path);
        if (facts !== undefined && facts.mtimeMs <= youngest) await rm(path, { force: true });
      }
    }
    return removed;
  }

  /** Out of the way first: who puts it again meanwhile makes it anew, or has made it young. */
  async #removeIfOld(digest: string, youngest: number): Promise<boolean> {
    const aside = this.temporary();
    await rename(this.path(digest), aside);
    const facts = await statOf(aside);
    if (facts !== undefined && facts.mtimeMs > youngest) {
      await linkNew(aside, this.path(digest));
      return false;
    }
    await rm(aside, { force: true });
    return true;
  }

  /** Every blob there is. */
  async list(): Promise<readonly string[]> {
    const root = join(this.#folder, "blobs", "sha256");
    const digests: string[] = [];
    for (const part of await readdir(root).catch(() => [])) {
      for (const hex of await readdir(join(root, part)).catch(() => [])) {
        const digest = `sha256:${hex}`;
        if (DIGEST.test(digest)) digests.push(digest);
      }
    }
    return digests;
  }

  async openUpload(expected: string): Promise<Upload> {
    return FileUpload.open(join(this.#folder, "uploads"), hexOf(expected), this);
  }

  temporary(): string {
    return join(this.#folder, "tmp", randomUUID());
  }

  /** A whole and durable file becomes the blob; where it is there already, its age begins anew. */
  async adopt(made: string, digest: string): Promise<void> {
    const path = this.path(digest);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await chmod(made, 0o444);
    for (;;) {
      const twin = `${made}.named`;
      await link(made, twin);
      if (await linkNew(twin, path)) break;
      const now = new Date();
      // Whoever puts it again is about to name it. Where it was swept at this moment: once more.
      if (
        await utimes(path, now, now).then(
          () => true,
          () => false,
        )
      )
        break;
    }
    await rm(made, { force: true });
  }
}
