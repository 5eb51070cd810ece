/** Digests of artifacts that nobody has hashed: computed in the background, one after the other. */
import { stat } from "node:fs/promises";
import type { Artifact } from "../../backends/contract.ts";
import { digestOf } from "../registry/variants.ts";

/** Files that are remembered, so that a reload of an unchanged model hashes nothing. */
const MOST_KNOWN = 4096;

export class ArtifactDigests {
  /** By path, size and time of change. */
  readonly #known = new Map<string, string>();
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  /** @returns what is known of it now; a folder, and a model without a file, never get one */
  of({ digest, path }: Artifact): () => string | undefined {
    if (digest !== "") return () => digest;
    let found: string | undefined;
    this.#last = this.#last.then(async () => {
      // Without it answers tell less, and that is all.
      found = await this.#digest(path).catch(() => undefined);
    });
    return () => found;
  }

  /** Resolves when everything that was asked for is known. */
  settled(): Promise<void> {
    return this.#last;
  }

  /** What waits is given up. */
  close(): void {
    this.#closed = true;
  }

  async #digest(path: string): Promise<string | undefined> {
    if (this.#closed) return undefined;
    const facts = await stat(path);
    if (!facts.isFile()) return undefined;
    const key = `${path}\0${facts.size}\0${facts.mtimeMs}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const digest = await digestOf(path);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MOST_KNOWN) break;
      this.#known.delete(oldest);
    }
    this.#known.set(key, digest);
    return digest;
  }
}
