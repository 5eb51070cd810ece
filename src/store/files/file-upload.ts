/**
 * `uploads/<hex>/data`: bytes that come in pieces over several connections, perhaps to several processes.
 * Who appends holds `lock/`; how much is there is the size of the file.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";
import type { StoredBlob, Upload } from "../store.ts";
import { asDiskError, isErrno, makeFolder } from "./durable.ts";
import { type Held, hold } from "./exclusive.ts";
import { hashAll, pour } from "./hashed-file.ts";
import type { Layout } from "./layout.ts";
import { sizeOf } from "./look.ts";
import { publishBlob } from "./publish-blob.ts";
import { dropFolder } from "./sweep.ts";

export interface UploadSetting {
  readonly layout: Layout;
  readonly hex: string;
  readonly now: () => number;
  readonly hashes: RunningHashes;
}

export class FileUpload implements Upload {
  readonly #setting: UploadSetting;
  readonly #folder: string;
  readonly #data: string;
  #receivedBytes: number;
  /** By whoever is alone with it; its lock went with it. */
  #dropped = false;

  private constructor(setting: UploadSetting, receivedBytes: number) {
    this.#setting = setting;
    this.#folder = setting.layout.upload(setting.hex);
    this.#data = join(this.#folder, "data");
    this.#receivedBytes = receivedBytes;
  }

  static async open(setting: UploadSetting): Promise<FileUpload> {
    const data = join(setting.layout.upload(setting.hex), "data");
    return new FileUpload(setting, (await sizeOf(data)) ?? 0);
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  async append(
    offset: number,
    source: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<number> {
    const { hex, hashes } = this.#setting;
    return await this.#alone(async (held) => {
      const file = await open(this.#data, "a+", 0o600);
      let running: RunningHash | undefined;
      try {
        const { size, ino } = await file.stat();
        this.#receivedBytes = size;
        if (offset !== size) throw this.#otherOffset(offset);
        running = hashes.take(hex, ino, size);
        const wrote = (bytes: number) => {
          this.#receivedBytes += bytes;
        };
        await pour(source, { file, hash: running }, maxBytes - size, undefined, wrote);
        return this.#receivedBytes;
      } catch (thrown) {
        if (thrown instanceof StatusError && thrown.code === "INVALID_ARGUMENT")
          await this.#remove(held);
        throw asDiskError(thrown, `sha256:${hex} was uploaded`);
      } finally {
        // Where a write failed it is ahead of the file, and the next one does not take it.
        if (running !== undefined) hashes.keep(hex, running);
        await file.close();
      }
    });
  }

  async finish(): Promise<StoredBlob> {
    const { layout, hex, now } = this.#setting;
    // Whoever ends what nobody began leaves no folder behind.
    if ((await sizeOf(this.#data)) === undefined) throw nothingOf(hex);
    return await this.#alone(async (held) => {
      let file: FileHandle | undefined;
      try {
        file = await open(this.#data, "r+");
        const sizeBytes = (await file.stat()).size;
        const found = await this.#digestOf(file);
        if (found !== hex) {
          await this.#remove(held);
          throw new StatusError(
            "INVALID_ARGUMENT",
            `the ${sizeBytes} bytes that were uploaded have digest sha256:${found}, sha256:${hex} was announced; ` +
              "they are dropped, upload them again",
          );
        }
        await publishBlob(layout, hex, this.#data, file, now());
        await this.#remove(held);
        return { digest: `sha256:${hex}`, sizeBytes };
      } catch (thrown) {
        if (isErrno(thrown, "ENOENT")) {
          throw nothingOf(hex);
        }
        throw asDiskError(thrown, `sha256:${hex} was stored`);
      } finally {
        await file?.close();
      }
    });
  }

  async drop(): Promise<void> {
    await this.#alone((held) => this.#remove(held));
  }

  async #digestOf(file: FileHandle): Promise<string> {
    const { size, ino } = await file.stat();
    const running = this.#setting.hashes.take(this.#setting.hex, ino, size);
    if (running !== undefined) return running.digest();
    const hash = createHash("sha256");
    await hashAll(file, hash);
    return hash.digest("hex");
  }

  async #remove(held: Held): Promise<void> {
    held.forget();
    this.#dropped = true;
    await dropFolder(this.#setting.layout, this.#folder);
    this.#receivedBytes = 0;
  }

  /** @throws StatusError ABORTED while somebody else is at it */
  async #alone<T>(work: (held: Held) => Promise<T>): Promise<T> {
    const { layout, hex } = this.#setting;
    let held: Held;
    try {
      await makeFolder(this.#folder);
      const got = await hold(layout, join(this.#folder, "lock"));
      if ("holder" in got) {
        const { pid, host } = got.holder;
        throw new StatusError(
          "ABORTED",
          `another connection is uploading sha256:${hex} (process ${pid} on ${host}); ` +
            "wait until it has ended, then ask how far it came",
        );
      }
      held = got.held;
    } catch (thrown) {
      throw asDiskError(thrown, `sha256:${hex} was uploaded`);
    }
    try {
      this.#dropped = false;
      return await work(held);
    } finally {
      if (!this.#dropped) await held.release();
    }
  }

  #otherOffset(offset: number): StatusError {
    return new StatusError(
      "FAILED_PRECONDITION",
      `sha256:${this.#setting.hex} goes on at offset ${this.#receivedBytes}, not at ${offset}`,
    );
  }
}

class RunningHash {
  readonly inode: number;
  readonly #hash = createHash("sha256");
  #bytes = 0;

  constructor(inode: number) {
    this.inode = inode;
  }

  /** That were hashed, whatever became of them. */
  get bytes(): number {
    return this.#bytes;
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  digest(): string {
    return this.#hash.digest("hex");
  }
}

/** Uploads whose beginning was hashed by this process; the others are read again at their end. */
const MOST_RUNNING = 256;

export class RunningHashes {
  readonly #hashes = new Map<string, RunningHash>();

  /** @returns the hash of the first `bytes` of the file; undefined: it is not known */
  take(hex: string, inode: number, bytes: number): RunningHash | undefined {
    const running = this.#hashes.get(hex);
    this.#hashes.delete(hex);
    if (running?.inode === inode && running.bytes === bytes) return running;
    return bytes === 0 ? new RunningHash(inode) : undefined;
  }

  keep(hex: string, running: RunningHash): void {
    this.#hashes.set(hex, running);
    if (this.#hashes.size <= MOST_RUNNING) return;
    const [oldest] = this.#hashes.keys();
    if (oldest !== undefined) this.#hashes.delete(oldest);
  }
}

function nothingOf(hex: string): StatusError {
  return new StatusError("FAILED_PRECONDITION", `nothing of sha256:${hex} was uploaded yet`);
}
