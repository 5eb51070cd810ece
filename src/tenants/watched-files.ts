/**
 * Tells when one of some files is another one. Looks instead of being told: secrets that are mounted
 * change by their links, which no watch on the file itself reports.
 */
import { stat } from "node:fs/promises";

const LOOK_MS = 1_000;

export class WatchedFiles {
  readonly #paths: () => readonly string[];
  readonly #changed: () => Promise<void>;
  #marks = "";
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();

  /** @param changed does not reject; never overlaps itself */
  constructor(paths: () => readonly string[], changed: () => Promise<void>) {
    this.#paths = paths;
    this.#changed = changed;
  }

  async start(): Promise<void> {
    this.#marks = await this.#look();
    this.#timer = setInterval(() => void this.#then(() => this.#compare()), LOOK_MS).unref();
  }

  /** Whatever the files look like. */
  reload(): Promise<void> {
    return this.#then(async () => {
      this.#marks = await this.#look();
      await this.#changed();
    });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turn;
  }

  #then(act: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(act);
    return this.#turn;
  }

  async #compare(): Promise<void> {
    const marks = await this.#look();
    if (marks === this.#marks) return;
    this.#marks = marks;
    await this.#changed();
  }

  async #look(): Promise<string> {
    const marks = this.#paths().map(async (path) => {
      const facts = await stat(path).catch(() => undefined);
      return facts === undefined
        ? `${path} -`
        : `${path} ${facts.ino} ${facts.size} ${facts.mtimeMs}`;
    });
    return (await Promise.all(marks)).join("\n");
  }
}
