/**
 * The ledger in files: one an hour and process, so that several gateways may share the folder.
 *
 *     2026-11-28T12.4711-9f3a.jsonl        [{"tenant":"cms","model":"jets",…}, …]   ← a line a write: all or nothing
 *
 * A write is in the hands of the system when it resolves: it survives the death of the process, not that of the
 * machine. An hour that is over is written anew as one line.
 */
import { randomBytes } from "node:crypto";
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import {
  type HourlyUsage,
  summed,
  touches,
  type UsageLine,
  type UsageSpan,
} from "../../inference/usage.ts";
import type { UsageHours } from "./hours.ts";

const NAME = /^(\d{4}-\d{2}-\d{2}T\d{2})\.[\w-]+\.jsonl$/;
const NUMBERS = ["requests", "rows", "bytesIn", "bytesOut", "deviceSeconds"] as const;
const TEXTS = ["tenant", "model", "version", "variant", "device"] as const;

export class HourFiles implements UsageHours {
  readonly #folder: string;
  readonly #writer = `${process.pid}-${randomBytes(4).toString("hex")}`;
  /** How long the own files are, by path: nobody else writes into them. */
  readonly #bytes = new Map<string, number>();
  /** Into which a write failed, perhaps in the middle of its line or behind it. */
  #torn: string | undefined;

  /** @param folder made where it is missing */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async add(hour: string, lines: readonly UsageLine[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    if (this.#torn !== undefined) await this.#mend(this.#torn);
    const path = this.#path(hour);
    const line = `${JSON.stringify(lines)}\n`;
    this.#torn = path;
    await appendFile(path, line, { mode: 0o600 });
    this.#torn = undefined;
    this.#bytes.set(path, (this.#bytes.get(path) ?? 0) + Buffer.byteLength(line));
  }

  /** What came of a write that failed would count beside the same lines written again. */
  async #mend(path: string): Promise<void> {
    const bytes = this.#bytes.get(path) ?? 0;
    const { size = 0 } = (await stat(path).catch(absent)) ?? {};
    if (size > bytes) await truncate(path, bytes);
    this.#torn = undefined;
  }

  async read(span: UsageSpan): Promise<HourlyUsage[]> {
    const hours = new Map<string, UsageLine[]>();
    for (const { hour, file } of await this.#files()) {
      if (!touches(span, hour)) continue;
      const lines = hours.get(hour) ?? [];
      hours.set(hour, lines);
      lines.push(...(await readLines(join(this.#folder, file))));
    }
    return [...hours]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([hour, lines]) => summed(lines).map((line) => ({ hour, ...line })));
  }

  async prune(before: string): Promise<void> {
    const files = await this.#files();
    // Nothing came for so long, or the clock is wrong: what is left is not thrown away before something new is there.
    if (files.every(({ hour }) => hour < before)) return;
    for (const { hour, file } of files) {
      if (hour < before) await rm(join(this.#folder, file), { force: true });
    }
  }

  async close(hour: string): Promise<void> {
    const path = this.#path(hour);
    const bytes = await compact(path);
    if (bytes !== undefined) this.#bytes.set(path, bytes);
  }

  #path(hour: string): string {
    return join(this.#folder, `${hour}.${this.#writer}.jsonl`);
  }

  async #files(): Promise<{ readonly hour: string; readonly file: string }[]> {
    const files = await readdir(this.#folder).catch(absent);
    return (files ?? []).flatMap((file) => {
      const [, hour] = NAME.exec(file) ?? [];
      return hour === undefined ? [] : [{ hour, file }];
    });
  }
}

/** @returns how long it is now; undefined: as before */
async function compact(path: string): Promise<number | undefined> {
  const lines = summed(await readLines(path));
  if (lines.length === 0) return undefined;
  const line = `${JSON.stringify(lines)}\n`;
  await writeFile(`${path}.new`, line, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return Buffer.byteLength(line);
}

async function readLines(path: string): Promise<UsageLine[]> {
  const text = await readFile(path, "utf8").catch(absent);
  // A line without its end was never acknowledged.
  return (text ?? "").split("\n").slice(0, -1).flatMap(parsed);
}

/** What was cut off by a crash or a full disk is no line. */
function parsed(line: string): UsageLine[] {
  if (line === "") return [];
  try {
    const read: unknown = JSON.parse(line);
    return Array.isArray(read) ? read.filter(isUsage).map(withEnergy) : [];
  } catch {
    return [];
  }
}

function isUsage(value: unknown): value is UsageLine {
  if (typeof value !== "object" || value === null) return false;
  const line = value as Record<keyof UsageLine, unknown>;
  return (
    TEXTS.every((field) => typeof line[field] === "string") &&
    NUMBERS.every((field) => typeof line[field] === "number") &&
    typeof line.refused === "object" &&
    line.refused !== null
  );
}

/** Lines of before energy was measured have none. */
function withEnergy(line: UsageLine): UsageLine {
  const { joules, measuredSeconds } = line as Partial<UsageLine>;
  const measured = typeof joules === "number" && typeof measuredSeconds === "number";
  return { ...line, ...(measured ? {} : { joules: null, measuredSeconds: 0 }) };
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
