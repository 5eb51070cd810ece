/** What an operator may say about the boards: `backends: [{ kind: intel-fpga, options }]`. */
import { BackendError } from "../contract.ts";

export interface IntelFpgaOptions {
  /** How many emulated boards there are; 0: none, which is the default. */
  readonly emulatedBoards: number;
  /** Where binaries are kept that were compiled from source. Default: in the user's cache folder. */
  readonly cacheFolder?: string;
}

const MOST_BOARDS = 16;

/** @throws BackendError naming the key, what it is and what it may be */
export function readOptions(given: unknown): IntelFpgaOptions {
  const { emulated, cacheFolder, ...unknown } = record("options", given ?? {});
  refuseUnknown("options", unknown, "emulated, cacheFolder");
  if (cacheFolder !== undefined && (typeof cacheFolder !== "string" || cacheFolder === "")) {
    throw wrong(`options.cacheFolder: ${show(cacheFolder)} is not the path of a folder`);
  }
  return {
    emulatedBoards: emulated === undefined ? 0 : readBoards(emulated),
    ...(cacheFolder === undefined ? {} : { cacheFolder }),
  };
}

function readBoards(given: unknown): number {
  const { boards, ...unknown } = record("options.emulated", given);
  refuseUnknown("options.emulated", unknown, "boards");
  const fits =
    typeof boards === "number" && Number.isInteger(boards) && boards >= 1 && boards <= MOST_BOARDS;
  if (fits) return boards;
  throw wrong(
    `options.emulated.boards: ${show(boards)} is not a whole number of 1 to ${MOST_BOARDS}`,
  );
}

function record(path: string, given: unknown): Readonly<Record<string, unknown>> {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) {
    return given as Readonly<Record<string, unknown>>;
  }
  throw wrong(`${path}: ${show(given)} is not an object`);
}

function refuseUnknown(path: string, unknown: object, known: string): void {
  const [key] = Object.keys(unknown);
  if (key !== undefined) throw wrong(`${path}.${key}: no such option; there are: ${known}`);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

function wrong(reason: string): BackendError {
  return new BackendError("internal", `intel-fpga: ${reason}`);
}
