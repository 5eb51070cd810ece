import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sharedMemorySupported } from "./libc.ts";
import { chooseSlabFolder, Slab, sweepStaleSlabs } from "./slab.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(chooseSlabFolder("/dev/shm"), "beamgate-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Memory that the system holds for the file. */
const heldBytes = (slab: Slab) => statSync(slab.path).blocks * 512;

describe.skipIf(!sharedMemorySupported)("a slab", () => {
  it("shows on one side what the other wrote, also after it grew", () => {
    const slab = Slab.create(folder);
    const other = Slab.open(slab.path);
    for (const sizeBytes of [64 * 1024, 1024 * 1024]) {
      slab.commit(sizeBytes);
      new Uint8Array(slab.view(sizeBytes))[sizeBytes - 1] = 42;
      expect(new Uint8Array(other.view(sizeBytes))[sizeBytes - 1]).toBe(42);
    }
    slab.close();
    other.close();
  });

  it("holds memory as soon as it is committed and gives it back when it shrinks", () => {
    const slab = Slab.create(folder);
    slab.commit(8 * 2 ** 20);
    expect(heldBytes(slab)).toBe(8 * 2 ** 20);
    slab.shrink(64 * 1024);
    expect(heldBytes(slab)).toBe(64 * 1024);
    expect(slab.committedBytes).toBe(64 * 1024);
    slab.commit(2 ** 20);
    new Uint8Array(slab.view(2 ** 20)).fill(1);
    slab.close();
  });

  it("is readable by nobody else and has a name that nobody can guess", () => {
    const slab = Slab.create(folder);
    expect(statSync(slab.path).mode & 0o777).toBe(0o600);
    expect(slab.path).toMatch(/beamgate-\d+-[0-9a-f]{32}$/);
    slab.close();
  });

  it("lives on without its name, and leaves nothing behind", () => {
    const slab = Slab.create(folder);
    const other = Slab.open(slab.path);
    slab.commit(4096);
    slab.unlink();
    expect(readdirSync(folder)).toEqual([]);
    new Uint8Array(slab.view(4096))[0] = 7;
    expect(new Uint8Array(other.view(4096))[0]).toBe(7);
    slab.close();
    slab.close();
    other.close();
  });

  it("reports a folder without room by its code instead of dying at the first write", () => {
    const slab = Slab.create(folder);
    // More than any machine has: the largest file offset.
    expect(() => slab.commit(Number.MAX_SAFE_INTEGER)).toThrow(/fallocate: E(NOSPC|FBIG|NOMEM)/);
    slab.close();
  });
});

describe("slabs of gateways that died", () => {
  it("are removed, those of living ones and other files are not", () => {
    const deadPid = Number(execFileSync(process.execPath, ["-p", "process.pid"]).toString());
    const tail = "0".repeat(32);
    const kept = [`beamgate-${process.pid}-${tail}`, `beamgate-${deadPid}-notes`, "other"];
    for (const name of [...kept, `beamgate-${deadPid}-${tail}`])
      writeFileSync(join(folder, name), "");
    expect(sweepStaleSlabs(folder)).toBe(1);
    expect(readdirSync(folder).sort()).toEqual(kept.sort());
  });
});

describe("the folder for slabs", () => {
  it("is the preferred one where it can be written to, else the temporary folder", () => {
    expect(chooseSlabFolder(folder)).toBe(folder);
    expect(chooseSlabFolder(join(folder, "missing"))).toBe(tmpdir());
  });
});
