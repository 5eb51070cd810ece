/** Bytes by their content: written beside, hashed meanwhile, then linked to `blobs/sha256/ab/<hex>`. */
import { createHash } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { StatusError } from "../../errors.ts";
import type { Blobs, StoredBlob, Upload } from "../store.ts";
import { asDiskError, isErrno } from "./durable.ts";
import { FileUpload, RunningHashes } from "./file-upload.ts";
import type { FormatWatch } from "./format.ts";
import { hashAll, pour } from "./hashed-file.ts";
import { sweepsAreHeldOff } from "./holds.ts";
import { hexOf, type Layout } from "./layout.ts";
import { sizeOf } from "./look.ts";
import { publishBlob, touch } from "./publish-blob.ts";
import { sweepBlobs, sweepTemporary, sweepUploads } from "./sweep.ts";

export interface BlobsSetting {
  readonly layout: Layout;
  readonly format: FormatWatch;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** What was put or asked for so recently is not swept, nor what somebody wrote to. */
  readonly graceMs: number;
  /** Uploads to which nothing came for so long are given up. */
  readonly uploadGraceMs: number;
}

export class FileBlobs implements Blobs {
  readonly #setting: BlobsSetting;
  readonly #hashes = new RunningHashes();
  /** Being written by this process, however slowly. */
  readonly #writing = new Set<string>();

  constructor(setting: BlobsSetting) {
    this.#setting = setting;
  }

  async put(
    source: AsyncIterable<Uint8Array>,
    limits: {
      readonly maxBytes: number;
      readonly expected?: string;
      readonly signal?: AbortSignal;
    },
  ): Promise<StoredBlob> {
    const { layout, format, now } = this.#setting;
    const expected = limits.expected === undefined ? undefined : hexOf(limits.expected);
    const temporary = layout.newTemporary("blob");
    this.#writing.add(temporary);
    let file: FileHandle | undefined;
    try {
      await format.check();
      file = await open(temporary, "wx", 0o600);
      const hash = createHash("sha256");
      const sizeBytes = await pour(source, { file, hash }, limits.maxBytes, limits.signal);
      const hex = hash.digest("hex");
      if (expected !== undefined && hex !== expected) throw otherDigest(hex, expected);
      await publishBlob(layout, hex, temporary, file, now());
      return { digest: `sha256:${hex}`, sizeBytes };
    } catch (thrown) {
      await unlink(temporary).catch(() => undefined);
      throw asDiskError(thrown, "a file was written");
    } finally {
      await file?.close();
      this.#writing.delete(temporary);
    }
  }

  path(digest: string): string {
    return this.#setting.layout.blob(hexOf(digest));
  }

  async has(digest: string): Promise<boolean> {
    const path = this.path(digest);
    if ((await touch(path, this.#setting.now())) === "gone") return false;
    return (await sizeOf(path)) !== undefined;
  }

  async size(digest: string): Promise<number | undefined> {
    return await sizeOf(this.path(digest));
  }

  async rehash(digest: string): Promise<string | undefined> {
    let file: FileHandle;
    try {
      file = await open(this.path(digest), "r");
    } catch (thrown) {
      if (isErrno(thrown, "ENOENT")) return undefined;
      throw thrown;
    }
    try {
      const hash = createHash("sha256");
      await hashAll(file, hash);
      return `sha256:${hash.digest("hex")}`;
    } finally {
      await file.close();
    }
  }

  async sweep(keep: ReadonlySet<string>): Promise<readonly string[]> {
    const { layout, graceMs, uploadGraceMs, now, format } = this.#setting;
    await format.check();
    if (await sweepsAreHeldOff(layout)) return [];
    await sweepTemporary(layout, now() - graceMs, this.#writing);
    await sweepUploads(layout, now() - uploadGraceMs);
    return await sweepBlobs(layout, now() - graceMs, keep);
  }

  async openUpload(expected: string): Promise<Upload> {
    const { layout, format, now } = this.#setting;
    const hex = hexOf(expected);
    await format.check();
    const size = await sizeOf(layout.blob(hex));
    if (size !== undefined && (await this.has(expected))) return new StoredUpload(expected, size);
    return await FileUpload.open({ layout, hex, now, hashes: this.#hashes });
  }
}

/** The bytes are there: nothing need be sent. */
class StoredUpload implements Upload {
  readonly #digest: string;
  readonly receivedBytes: number;

  constructor(digest: string, sizeBytes: number) {
    this.#digest = digest;
    this.receivedBytes = sizeBytes;
  }

  async append(): Promise<number> {
    throw new StatusError(
      "FAILED_PRECONDITION",
      `${this.#digest} is complete with ${this.receivedBytes} bytes; nothing more is expected`,
    );
  }

  async finish(): Promise<StoredBlob> {
    return { digest: this.#digest, sizeBytes: this.receivedBytes };
  }

  async drop(): Promise<void> {}
}

export function otherDigest(hex: string, expected: string): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `the bytes have digest sha256:${hex}, sha256:${expected} was announced; send them again, or announce what they are`,
  );
}
