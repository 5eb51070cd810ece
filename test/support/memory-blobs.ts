/** Blobs of the memory store. */
import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StatusError } from "../../src/errors.ts";
import type { Blobs, StoredBlob, Upload } from "../../src/store/store.ts";

/** What the handles share of them. */
export interface MemoryBlobsDisk {
  readonly blobs: Map<string, { readonly bytes: Uint8Array; touchedAt: number }>;
  readonly uploads: Map<string, { bytes: Uint8Array; busy: boolean }>;
  /** On the real disk, for `path`. */
  readonly folder: string;
  readonly graceMs: number;
  readonly now: () => number;
}

export class MemoryBlobs implements Blobs {
  readonly #disk: MemoryBlobsDisk;

  constructor(disk: MemoryBlobsDisk) {
    this.#disk = disk;
  }

  async put(
    source: AsyncIterable<Uint8Array>,
    limits: {
      readonly maxBytes: number;
      readonly expected?: string;
      readonly signal?: AbortSignal;
    },
  ): Promise<StoredBlob> {
    if (limits.expected !== undefined) checkDigest(limits.expected);
    const bytes = await gather(source, limits.maxBytes, () => {
      if (limits.signal?.aborted) throw new StatusError("CANCELLED", "the upload was cancelled");
    });
    return this.#keep(bytes, limits.expected);
  }

  path(digest: string): string {
    checkDigest(digest);
    const path = join(this.#disk.folder, digest.slice("sha256:".length));
    const blob = this.#disk.blobs.get(digest);
    if (blob !== undefined) writeFileSync(path, blob.bytes);
    return path;
  }

  async has(digest: string): Promise<boolean> {
    checkDigest(digest);
    const blob = this.#disk.blobs.get(digest);
    if (blob !== undefined) blob.touchedAt = this.#disk.now();
    return blob !== undefined;
  }

  async size(digest: string): Promise<number | undefined> {
    checkDigest(digest);
    return this.#disk.blobs.get(digest)?.bytes.length;
  }

  async rehash(digest: string): Promise<string | undefined> {
    checkDigest(digest);
    const blob = this.#disk.blobs.get(digest);
    return blob === undefined ? undefined : digestOf(blob.bytes);
  }

  async sweep(keep: ReadonlySet<string>): Promise<readonly string[]> {
    const before = this.#disk.now() - this.#disk.graceMs;
    const removed: string[] = [];
    for (const [digest, { touchedAt }] of this.#disk.blobs) {
      if (keep.has(digest) || touchedAt >= before) continue;
      this.#disk.blobs.delete(digest);
      rmSync(join(this.#disk.folder, digest.slice("sha256:".length)), { force: true });
      removed.push(digest);
    }
    return removed;
  }

  async openUpload(expected: string): Promise<Upload> {
    checkDigest(expected);
    const { uploads, blobs } = this.#disk;
    const there = () => {
      const upload = uploads.get(expected) ?? { bytes: new Uint8Array(), busy: false };
      uploads.set(expected, upload);
      return upload;
    };
    return {
      get receivedBytes() {
        return blobs.get(expected)?.bytes.length ?? uploads.get(expected)?.bytes.length ?? 0;
      },
      append: async (offset, source, maxBytes) => {
        const upload = there();
        if (upload.busy) throw new StatusError("ABORTED", `another connection uploads ${expected}`);
        const received = blobs.get(expected)?.bytes.length ?? upload.bytes.length;
        if (offset !== received || blobs.has(expected)) {
          const problem = `${expected} goes on at offset ${received}, not at ${offset}`;
          throw new StatusError("FAILED_PRECONDITION", problem);
        }
        upload.busy = true;
        try {
          await gather(source, maxBytes - received, (piece) => {
            upload.bytes = Buffer.concat([upload.bytes, piece]);
          });
        } catch (thrown) {
          if (thrown instanceof StatusError && thrown.code === "INVALID_ARGUMENT") {
            uploads.delete(expected);
          }
          throw thrown;
        } finally {
          upload.busy = false;
        }
        return upload.bytes.length;
      },
      finish: async () => {
        const blob = blobs.get(expected);
        if (blob !== undefined) return { digest: expected, sizeBytes: blob.bytes.length };
        const upload = uploads.get(expected);
        if (upload === undefined) {
          throw new StatusError("FAILED_PRECONDITION", `nothing of ${expected} was uploaded yet`);
        }
        uploads.delete(expected);
        return this.#keep(upload.bytes, expected);
      },
      drop: async () => void uploads.delete(expected),
    };
  }

  #keep(bytes: Uint8Array, expected: string | undefined): StoredBlob {
    const digest = digestOf(bytes);
    if (expected !== undefined && digest !== expected) {
      const problem = `the bytes have digest ${digest}, ${expected} was announced`;
      throw new StatusError("INVALID_ARGUMENT", problem);
    }
    this.#disk.blobs.set(digest, { bytes, touchedAt: this.#disk.now() });
    return { digest, sizeBytes: bytes.length };
  }
}

async function gather(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  came: (piece: Uint8Array) => void,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of source) {
    total += piece.length;
    if (total > maxBytes) {
      throw new StatusError("INVALID_ARGUMENT", `more than ${maxBytes} bytes came`);
    }
    came(piece);
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function checkDigest(digest: string): void {
  if (/^sha256:[0-9a-f]{64}$/.test(digest)) return;
  throw new StatusError("INVALID_ARGUMENT", `'${digest}' is no digest`);
}
