/**
 * Digests of files, each hashed once: again only where size, times or inode say that it may have other bytes.
 * Who writes to a file changes its ctime, which no program can set back; who can write to the disk itself is not seen.
 */
import { stat } from "node:fs/promises";
import { Limit } from "./limit.ts";
import { digestOf } from "./variants.ts";

/** Files hashed at the same time: one core each. */
const AT_ONCE = 2;

interface Known {
  readonly facts: string;
  readonly digest: Promise<string>;
}

export class KnownDigests {
  readonly #known = new Map<string, Known>();
  readonly #hashing = new Limit(AT_ONCE);

  /** `sha256:<hex>` of what lies there now. Rejects where there is no file to be read. */
  async of(path: string): Promise<string> {
    const facts = await factsOf(path);
    const before = this.#known.get(path);
    if (before?.facts === facts) return before.digest;
    const known = { facts, digest: this.#hashing.run(() => digestOf(path)) };
    this.#known.set(path, known);
    try {
      return await known.digest;
    } catch (thrown) {
      if (this.#known.get(path) === known) this.#known.delete(path);
      throw thrown;
    }
  }
}

async function factsOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
