/** Digests of artifacts that nobody has hashed: computed in the background, one after the other. */
import type { Artifact } from "../../backends/contract.ts";

export class ArtifactDigests {
  readonly #digestOf: (path: string) => Promise<string>;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param digestOf of a file; rejects for a folder, and where there is none */
  constructor(digestOf: (path: string) => Promise<string>) {
    this.#digestOf = digestOf;
  }

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
    return this.#closed ? undefined : this.#digestOf(path);
  }
}
