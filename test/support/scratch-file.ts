/** One file of a test file, written anew for every case, gone at the end. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** @returns a function that writes the bytes and gives the path */
export function scratchFile(name: string): (bytes: Uint8Array | string) => string {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-scratch-"));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return (bytes) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
}
