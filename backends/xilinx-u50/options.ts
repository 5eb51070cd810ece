/** What the configuration may say of U50 boards. */
import { isAbsolute } from "node:path";
import { BackendError } from "../contract.ts";
import { type Faults, readFaults } from "./board/faults.ts";

export interface EmulatedOptions {
  readonly boards: number;
  /** Default 0: as long as it takes here. */
  readonly secondsPerLoad: number;
  readonly faults: Faults;
  /** A JSON file with faults, read again at every call: tests switch them while boards run. */
  readonly faultsFile?: string;
}

export interface U50Options {
  /** Absent: the cards of this host. */
  readonly emulated?: EmulatedOptions;
}

const MOST_BOARDS = 5;
const LONGEST_LOAD_SECONDS = 600;

/** @throws BackendError `internal` that names the option, what it got and what it takes. */
export function readOptions(options: unknown): U50Options {
  const given = record(options ?? {}, "options", ["emulated"]);
  if (given["emulated"] === undefined) return {};
  const where = "options.emulated";
  const known = ["boards", "secondsPerLoad", "faults", "faultsFile"];
  const {
    boards,
    secondsPerLoad = 0,
    faults = {},
    faultsFile,
  } = record(given["emulated"], where, known);
  if (!Number.isSafeInteger(boards) || Number(boards) < 1 || Number(boards) > MOST_BOARDS) {
    refuse(`${where}.boards`, boards, `a whole number from 1 to ${MOST_BOARDS}`);
  }
  const seconds = secondsPerLoad;
  if (typeof seconds !== "number" || !(seconds >= 0 && seconds <= LONGEST_LOAD_SECONDS)) {
    refuse(`${where}.secondsPerLoad`, seconds, `a number from 0 to ${LONGEST_LOAD_SECONDS}`);
  }
  if (faultsFile !== undefined && (typeof faultsFile !== "string" || !isAbsolute(faultsFile))) {
    refuse(`${where}.faultsFile`, faultsFile, "an absolute path");
  }
  return {
    emulated: {
      boards: Number(boards),
      secondsPerLoad: seconds,
      faults: checkedFaults(faults, `${where}.faults`),
      ...(faultsFile === undefined ? {} : { faultsFile }),
    },
  };
}

function checkedFaults(faults: unknown, where: string): Faults {
  try {
    return readFaults(faults, where);
  } catch (cause) {
    throw new BackendError("internal", `xilinx-u50: ${(cause as Error).message}`);
  }
}

function record(value: unknown, where: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse(where, value, "an object");
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) refuse(`${where}.${name}`, "an unknown option", known.join(", "));
  }
  return value as Record<string, unknown>;
}

function refuse(where: string, got: unknown, wanted: string): never {
  throw new BackendError(
    "internal",
    `xilinx-u50: ${where}: got ${typeof got === "string" ? got : JSON.stringify(got)}, expected ${wanted}`,
  );
}
