/**
 * Guards a folder that several gateways reach: whoever acts on it shows the counter of his lease, and an older one
 * than was seen is refused. What was seen lies in the folder itself, so that it is there with the thing it guards:
 *
 *     .upkeep/identity     name of the folder among others, made by the first who comes
 *     .upkeep/<counter>    who showed it; only the newest few are kept
 */
import { randomUUID } from "node:crypto";
import { readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { linkNew, makeFolder } from "./durable.ts";

/** What a holder shows; see `policy/fencing`, whose rule this keeps between processes. */
export interface Shown {
  readonly counter: number;
  readonly owner: string;
}

const KEPT = 4;

export class FolderFence {
  readonly #folder: string;

  constructor(guarded: string) {
    this.#folder = join(guarded, ".upkeep");
  }

  /** The same for everybody who reaches the folder, under whatever path. */
  async identity(): Promise<string> {
    await makeFolder(this.#folder);
    await this.#linkText("identity", randomUUID());
    return readFile(join(this.#folder, "identity"), "utf8");
  }

  /** Newest counter that was shown; 0: none. */
  async newest(): Promise<number> {
    return Math.max(0, ...(await this.#counters()));
  }

  /** @returns false: a newer counter was shown, or this one by somebody else */
  async pass({ counter, owner }: Shown): Promise<boolean> {
    const newest = await this.newest();
    if (counter < newest) return false;
    if (counter === newest || !(await this.#linkText(`${counter}`, owner))) {
      return this.#isOf(counter, owner);
    }
    const counters = await this.#counters();
    // Two that came at the same time: the older may have been linked second.
    if (counter < Math.max(...counters)) return false;
    for (const old of counters.toSorted((a, b) => b - a).slice(KEPT)) {
      await unlink(join(this.#folder, `${old}`)).catch(() => undefined);
    }
    return true;
  }

  async #isOf(counter: number, owner: string): Promise<boolean> {
    const shown = await readFile(join(this.#folder, `${counter}`), "utf8").catch(() => undefined);
    return shown === owner && counter >= (await this.newest());
  }

  /** @returns false: there is a file of this name */
  async #linkText(name: string, text: string): Promise<boolean> {
    const temporary = join(this.#folder, `.${randomUUID()}`);
    await writeFile(temporary, text, { flag: "wx" });
    try {
      return await linkNew(temporary, join(this.#folder, name));
    } finally {
      await unlink(temporary).catch(() => undefined);
    }
  }

  async #counters(): Promise<number[]> {
    const names = await readdir(this.#folder);
    return names.filter((name) => /^[1-9]\d{0,14}$/.test(name)).map(Number);
  }
}
