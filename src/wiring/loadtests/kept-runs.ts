/**
 * The last load tests and their reports: a folder each, `run.json` in it says what it was. A bounded number of them
 * and a bounded number of bytes; the oldest go. What else lies in the folder is somebody else's, and stays.
 */
import { mkdtempSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FinishedLoadtest } from "../../inference/loadtest-report.ts";
import type { Logger } from "../../logger.ts";

/** `20261204T200001Z-w1`, with a number behind it where a second began twice. */
const ID = /^\d{8}T\d{6}Z-[a-z0-9-]{1,64}$/;
const RECORD = "run.json";
const LARGEST_RECORD = 64 * 1024;

export interface KeptRunsParts {
  /** undefined: a temporary one, removed in the end. */
  readonly folder: string | undefined;
  readonly most: number;
  readonly mostBytes: number;
  readonly log: Logger;
}

export class KeptRuns {
  readonly #parts: KeptRunsParts;
  #folder: string | undefined;
  /** Newest first. */
  #runs: FinishedLoadtest[] = [];

  constructor(parts: KeptRunsParts) {
    this.#parts = parts;
  }

  get all(): readonly FinishedLoadtest[] {
    return this.#runs;
  }

  /** Where nothing can be read, nothing is known: does not reject. */
  async open(): Promise<void> {
    const { folder, log } = this.#parts;
    if (folder === undefined) return;
    try {
      await mkdir(folder, { recursive: true });
      const names = (await readdir(folder)).filter((name) => ID.test(name));
      const read = await Promise.all(names.map((name) => this.#read(folder, name)));
      this.#runs = read
        .filter((run) => run !== undefined)
        .toSorted((one, other) => (one.startedAt < other.startedAt ? 1 : -1));
    } catch (error) {
      log.warn("reports of earlier load tests cannot be read", { folder, error });
    }
  }

  /** A folder for a run that begins. @param startedAt ISO 8601 */
  async begin(startedAt: string, preset: string): Promise<{ id: string; folder: string }> {
    const root = await this.#root();
    const moment = `${startedAt.slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
    for (let again = 1; ; again += 1) {
      const id = `${moment}-${preset}${again === 1 ? "" : `-${again}`}`;
      const folder = join(root, id);
      try {
        await mkdir(folder, { mode: 0o700 });
        return { id, folder };
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== "EEXIST" || again > 99) throw thrown;
      }
    }
  }

  /** It is over; the oldest ones go where there are too many now. */
  async keep(run: Omit<FinishedLoadtest, "bytes">): Promise<void> {
    const folder = join(await this.#root(), run.id);
    const kept = { ...run, bytes: await bytesIn(folder) };
    await writeFile(join(folder, RECORD), `${JSON.stringify(kept, null, 1)}\n`, { mode: 0o600 });
    this.#runs.unshift(kept);
    const { most, mostBytes } = this.#parts;
    const sum = () => this.#runs.reduce((all, { bytes }) => all + bytes, 0);
    while (this.#runs.length > most || (sum() > mostBytes && this.#runs.length > 0)) {
      const oldest = this.#runs.pop();
      if (oldest !== undefined) await this.#remove(oldest.id);
    }
  }

  /** @returns its path; undefined: the run is not known, or left none */
  file(id: string, name: string): string | undefined {
    const run = this.#runs.find((one) => one.id === id);
    if (run === undefined || run.bytes === 0 || this.#folder === undefined) return undefined;
    return join(this.#folder, id, name);
  }

  async close(): Promise<void> {
    if (this.#parts.folder !== undefined || this.#folder === undefined) return;
    await rm(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
    this.#runs = [];
  }

  async #root(): Promise<string> {
    this.#folder ??= this.#parts.folder ?? mkdtempSync(join(tmpdir(), "beamgate-loadtests-"));
    await mkdir(this.#folder, { recursive: true });
    return this.#folder;
  }

  async #read(folder: string, id: string): Promise<FinishedLoadtest | undefined> {
    try {
      const file = join(folder, id, RECORD);
      if ((await stat(file)).size > LARGEST_RECORD) return undefined;
      const run = JSON.parse(await readFile(file, "utf8")) as FinishedLoadtest;
      const { models, bytes, startedAt } = run;
      if (run.id !== id || !Array.isArray(models)) return undefined;
      if (typeof bytes !== "number" || typeof startedAt !== "string") return undefined;
      this.#folder = folder;
      return run;
    } catch {
      return undefined;
    }
  }

  async #remove(id: string): Promise<void> {
    if (!ID.test(id) || this.#folder === undefined) return;
    await rm(join(this.#folder, id), { recursive: true, force: true }).catch((error: unknown) =>
      this.#parts.log.warn("an old report of a load test cannot be removed", { id, error }),
    );
  }
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((all, size) => all + size, 0);
}
