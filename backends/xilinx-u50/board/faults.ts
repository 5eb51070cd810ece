/** Misbehaviour on demand: what tests of breakers, failover and supervision need from a board. */
import { readFileSync } from "node:fs";

export interface Faults {
  /** A call takes `factor` times as long, and `ms` longer. */
  readonly slow?: { readonly factor?: number; readonly ms?: number };
  /** A compute unit that was started never says that it is done. */
  readonly neverDone?: boolean;
  /** One bit of every output row is flipped. */
  readonly wrongData?: boolean;
  /** A transfer from the device brings half of what was asked for. */
  readonly wrongLength?: boolean;
  /** Programming fails. */
  readonly refuseImage?: boolean;
  /** At the next call of a kernel: `exit` ends the board's process, `kill` has it die of a signal. */
  readonly die?: "exit" | "kill";
  /** The boards that misbehave, by number; absent: all. */
  readonly boards?: readonly number[];
}

const NAMES: Readonly<Record<keyof Faults, (value: unknown) => boolean>> = {
  slow: isSlowness,
  neverDone: isBoolean,
  wrongData: isBoolean,
  wrongLength: isBoolean,
  refuseImage: isBoolean,
  die: (value) => value === "exit" || value === "kill",
  boards: (value) => Array.isArray(value) && value.every((one) => Number.isSafeInteger(one)),
};

/** @throws Error naming what it does not know. */
export function readFaults(value: unknown, where = "faults"): Faults {
  if (!isRecord(value)) throw new Error(`${where}: expected an object`);
  for (const [name, own] of Object.entries(value)) {
    const fits = NAMES[name as keyof Faults];
    if (fits === undefined) {
      throw new Error(`${where}: unknown fault "${name}"; known: ${Object.keys(NAMES).join(", ")}`);
    }
    if (!fits(own)) throw new Error(`${where}.${name}: got ${JSON.stringify(own)}`);
  }
  return value as Faults;
}

/**
 * Those of one board now: what the options say, and over it what stands in the file at this moment.
 * A file that is missing says nothing; neither does one that is just being written.
 */
export function faultsNow(fixed: Faults, file: string | undefined, board: number): Faults {
  const all = { ...fixed, ...(file === undefined ? {} : fromFile(file)) };
  return all.boards === undefined || all.boards.includes(board) ? all : {};
}

function fromFile(file: string): Faults {
  try {
    return readFaults(JSON.parse(readFileSync(file, "utf8")), file);
  } catch {
    return {};
  }
}

function isSlowness(value: unknown): boolean {
  return (
    isRecord(value) &&
    Object.entries(value).every(
      ([name, own]) => (name === "factor" || name === "ms") && typeof own === "number" && own >= 0,
    )
  );
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
