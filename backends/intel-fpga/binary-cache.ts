/**
 * Binaries compiled from source, kept on this host. PoCL crashes on a binary that is
 * cut off, so an entry carries its own digest and is believed only if that fits.
 *
 *   | "bgclbin1" | SHA-256 of the binary, 32 bytes | binary |
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackendError } from "../contract.ts";

const MAGIC = Buffer.from("bgclbin1");
const DIGEST_BYTES = 32;
const HEADER_BYTES = MAGIC.length + DIGEST_BYTES;

export class BinaryCache {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * @param wanted folder; default: `beamgate/intel-fpga` in the user's cache folder, or in the temporary one where that cannot be written
   * @throws BackendError `internal` where it cannot be made, or others may write there: what is in it is executed
   */
  static async open(wanted?: string): Promise<BinaryCache> {
    if (wanted !== undefined) return new BinaryCache(await privateFolder(wanted));
    const [own, temporary] = defaultFolders();
    const folder = own === undefined ? undefined : await privateFolder(own).catch(() => undefined);
    return new BinaryCache(folder ?? (await privateFolder(temporary)));
  }

  /** What identifies a binary: all that it was made of. */
  static key(...parts: readonly string[]): string {
    return sha256(Buffer.from(JSON.stringify(parts))).toString("hex");
  }

  /** @returns undefined where there is none, or what is there is not what was put */
  async get(key: string): Promise<Uint8Array | undefined> {
    const entry = await readFile(this.#path(key)).catch(() => undefined);
    if (entry === undefined || entry.length < HEADER_BYTES) return undefined;
    const binary = entry.subarray(HEADER_BYTES);
    const header = Buffer.concat([MAGIC, sha256(binary)]);
    return header.equals(entry.subarray(0, HEADER_BYTES)) ? binary : undefined;
  }

  /** Whole or not at all, whoever else puts the same. */
  async put(key: string, binary: Uint8Array): Promise<void> {
    const unfinished = `${this.#path(key)}.${process.pid}.${performance.now()}`;
    try {
      await writeFile(unfinished, Buffer.concat([MAGIC, sha256(binary), binary]), { mode: 0o600 });
      await rename(unfinished, this.#path(key));
    } catch (cause) {
      await rm(unfinished, { force: true });
      throw new BackendError("internal", `cacheFolder ${this.folder} cannot be written`, { cause });
    }
  }

  #path(key: string): string {
    return join(this.folder, `${key}.bin`);
  }
}

function defaultFolders(): readonly [own: string | undefined, temporary: string] {
  const { XDG_CACHE_HOME: cache, HOME: home } = process.env;
  const base = cache || (home && join(home, ".cache"));
  const own = base ? join(base, "beamgate", "intel-fpga") : undefined;
  return [own, join(tmpdir(), `beamgate-${process.getuid?.() ?? "user"}`, "intel-fpga")];
}

async function privateFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BackendError("internal", `cacheFolder ${path} cannot be made`, { cause });
  }
  const { uid, mode } = await stat(path);
  const own = process.getuid?.() ?? uid;
  if (uid === own && (mode & 0o022) === 0) return path;
  throw new BackendError(
    "internal",
    `cacheFolder ${path}: user ${uid} owns it and its mode is ${(mode & 0o777).toString(8)}; binaries are executed from it, so only user ${own} may be able to write there`,
  );
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
