/**
 * A folder in which whatever appears is registered, once it is quiet. What came of it lies beside it as
 * `registration.json`; until a file changes, nothing is registered twice.
 */
import { randomUUID } from "node:crypto";
import { lstat, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { toStatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { Blobs } from "../../store/store.ts";
import type { CheckResult } from "../catalog/types.ts";
import { type DropUnit, OUTCOME_FILE, scanDropFolder } from "./drop-scan.ts";
import { droppedRegistration } from "./dropped-registration.ts";
import { RegistrationRefused } from "./refused.ts";
import type { Registrar } from "./registrar.ts";

export interface DropFolderParts {
  readonly folder: string;
  readonly registrar: Pick<Registrar, "register">;
  readonly blobs: Pick<Blobs, "put">;
  readonly maxArtifactBytes: number;
  readonly clock: Clock;
  /** Wall clock, ms since 1970. */
  now(): number;
  readonly log: Logger;
  /** Whether this gateway is to look: the folder may be several gateways'. */
  mine(): Promise<boolean>;
  /** Between two looks. Default 1 s. */
  readonly everyMs?: number;
  /** A file that changed within this time is still being written. Default 3 s. */
  readonly quietMs?: number;
}

/** What came of one artifact. */
export interface DropOutcome {
  readonly outcome: "registered" | "unchanged" | "refused" | "failed";
  readonly model: string;
  readonly version: string;
  readonly digest?: string;
  readonly state?: string;
  readonly reason?: string;
  readonly checks?: readonly CheckResult[];
  readonly generation?: number;
  readonly at: string;
  /** Of the files that it is about. */
  readonly fingerprint: string;
}

interface Seen {
  readonly fingerprint: string;
  /** When it was seen like this first, by the clock. */
  readonly since: number;
}

const WHO = "drop-folder";
/** Somebody else is at fault, or the moment: asked again. */
const PASSING: readonly string[] = [
  "UNAVAILABLE",
  "ABORTED",
  "RESOURCE_EXHAUSTED",
  "INTERNAL",
  "CANCELLED",
];
const RETRY_MS = 30_000;
const MAX_OUTCOME_BYTES = 4 * 2 ** 20;

export class DropFolder {
  readonly #parts: DropFolderParts;
  readonly #quietMs: number;
  readonly #seen = new Map<string, Seen>();
  /** By folder: also where no outcome can be written. */
  readonly #done = new Map<string, string>();
  readonly #retryAt = new Map<string, number>();
  readonly #closing = new AbortController();
  #working: Promise<unknown> = Promise.resolve();
  #stop: (() => void) | undefined;

  constructor(parts: DropFolderParts) {
    this.#parts = parts;
    this.#quietMs = parts.quietMs ?? 3_000;
  }

  start(): void {
    const { clock, everyMs = 1_000, log } = this.#parts;
    this.#stop = clock.after(everyMs, () => {
      this.#working = this.look()
        .catch((thrown: unknown) => log.error(`the drop folder: ${toStatusError(thrown).message}`))
        .finally(() => {
          if (!this.#closing.signal.aborted) this.start();
        });
    });
  }

  /** Ends what is being registered, and waits for it. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#stop?.();
    await this.#working;
  }

  /** One look. @returns what came of what was quiet and new, in the order of registering */
  async look(): Promise<readonly DropOutcome[]> {
    const outcomes: DropOutcome[] = [];
    if (!(await this.#parts.mine())) return outcomes;
    const units = await scanDropFolder(this.#parts.folder);
    this.#forget(new Set(units.map(({ folder }) => folder)));
    for (const unit of units) {
      if (this.#closing.signal.aborted) break;
      if (!this.#isQuiet(unit) || (await this.#isDone(unit))) continue;
      const outcome = await this.#register(unit);
      outcomes.push(outcome);
      await this.#tell(unit, outcome);
    }
    return outcomes;
  }

  #isQuiet({ folder, fingerprint }: DropUnit): boolean {
    const now = this.#parts.clock.now();
    const seen = this.#seen.get(folder);
    if (seen?.fingerprint === fingerprint) return now - seen.since >= this.#quietMs;
    this.#seen.set(folder, { fingerprint, since: now });
    return this.#quietMs === 0;
  }

  async #isDone({ folder, fingerprint }: DropUnit): Promise<boolean> {
    const retryAt = this.#retryAt.get(folder);
    if (retryAt !== undefined) return this.#parts.clock.now() < retryAt;
    const known = this.#done.get(folder) ?? (await writtenFingerprint(folder));
    if (known === fingerprint) this.#done.set(folder, fingerprint);
    return known === fingerprint;
  }

  async #register(unit: DropUnit): Promise<DropOutcome> {
    const { registrar, blobs, maxArtifactBytes, folder: root, now } = this.#parts;
    const { model, version, fingerprint } = unit;
    const { signal } = this.#closing;
    const common = { model, version, at: new Date(now()).toISOString(), fingerprint };
    try {
      const reading = { root, blobs, maxArtifactBytes, signal };
      const registration = await droppedRegistration(unit, reading);
      const report = await registrar.register(registration, WHO, () => {}, signal);
      const { artifact, checks, generation, unchanged } = report;
      const { digest, state, reason } = artifact;
      return {
        ...{ outcome: unchanged ? "unchanged" : "registered", ...common, digest, state },
        ...(reason === undefined ? {} : { reason }),
        ...{ checks, generation },
      };
    } catch (thrown) {
      const { code, message } = toStatusError(thrown);
      const refused = { outcome: "refused" as const, ...common, reason: message };
      if (thrown instanceof RegistrationRefused) return { ...refused, checks: thrown.checks };
      return PASSING.includes(code) ? { ...refused, outcome: "failed" } : refused;
    }
  }

  async #tell({ folder, fingerprint }: DropUnit, outcome: DropOutcome): Promise<void> {
    const { log, clock } = this.#parts;
    const { model, version, reason = "", outcome: word } = outcome;
    const what = `drop folder: ${model}, version ${version}: ${word}`;
    if (word === "failed") this.#retryAt.set(folder, clock.now() + RETRY_MS);
    else {
      this.#retryAt.delete(folder);
      this.#done.set(folder, fingerprint);
    }
    if (word === "refused" || word === "failed") log.warn(`${what}: ${reason}`);
    else log.info(what);
    if (this.#closing.signal.aborted) return;
    await writeOutcome(folder, outcome).catch((thrown: unknown) => {
      log.warn(`${what}; the outcome cannot be written: ${toStatusError(thrown).message}`);
    });
  }

  /** What was taken away may come back. */
  #forget(present: ReadonlySet<string>): void {
    for (const known of [this.#seen, this.#done, this.#retryAt]) {
      for (const folder of known.keys()) if (!present.has(folder)) known.delete(folder);
    }
  }
}

/** undefined: there is none, or none that can be read. */
async function writtenFingerprint(folder: string): Promise<string | undefined> {
  const path = join(folder, OUTCOME_FILE);
  try {
    const facts = await lstat(path);
    // To open a pipe would wait for a writer.
    if (!facts.isFile() || facts.size > MAX_OUTCOME_BYTES) return undefined;
    const written: unknown = JSON.parse(await readFile(path, "utf8"));
    const { fingerprint, outcome } = written as Partial<DropOutcome>;
    return outcome === "failed" ? undefined : fingerprint;
  } catch {
    return undefined;
  }
}

/** A link of that name is replaced, not followed. */
async function writeOutcome(folder: string, outcome: DropOutcome): Promise<void> {
  const made = join(folder, `.${OUTCOME_FILE}.${randomUUID()}`);
  try {
    await writeFile(made, `${JSON.stringify(outcome, undefined, 2)}\n`, {
      flag: "wx",
      mode: 0o644,
    });
    await rename(made, join(folder, OUTCOME_FILE));
  } catch (thrown) {
    await rm(made, { force: true });
    throw thrown;
  }
}
