/** Bytes in memory for readers of files, which take thousands of mutants a second this way. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RandomAccess } from "../../../backends/common/artifact-file/artifact-file.ts";
import type { Random } from "../../../models/make/random.ts";

export function inMemory(bytes: Buffer): RandomAccess {
  return {
    async read(buffer, offset, length, position) {
      return { bytesRead: bytes.copy(buffer, offset, position, position + length) };
    },
  };
}

const ONE_IN = 16;

/** Every sixteenth mutant goes the whole way, by a file: @returns its path, or undefined for the others. */
export function asFile(bytes: Buffer, scratch: string, random: Random): string | undefined {
  if (random.bits() % ONE_IN !== 0) return undefined;
  const path = join(scratch, "mutant");
  writeFileSync(path, bytes);
  return path;
}
