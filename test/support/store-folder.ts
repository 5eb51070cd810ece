/** A folder for a store of a test file, another one for every case, all gone at the end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Logger } from "../../src/logger.ts";

export function storeFolders(): () => string {
  const root = mkdtempSync(join(tmpdir(), "beamgate-store-"));
  let made = 0;
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });
  return () => join(root, String(++made));
}

/** Keeps what is told, by how bad it is. */
export class KeptLog implements Logger {
  readonly infos: string[] = [];
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  debug(): void {}
  info(message: string): void {
    this.infos.push(message);
  }
  warn(message: string): void {
    this.warnings.push(message);
  }
  error(message: string): void {
    this.errors.push(message);
  }
}
