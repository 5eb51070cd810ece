import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sharedMemorySupported } from "./libc.ts";
import { Rooms } from "./rooms.ts";
import { chooseSlabFolder } from "./slab.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(chooseSlabFolder("/dev/shm"), "beamgate-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const heldBytes = () =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).blocks * 512, 0);

describe.skipIf(!sharedMemorySupported)("rooms in shared memory", () => {
  it("are lent until all are taken, and again when one comes back", () => {
    const rooms = new Rooms(2, folder);
    const first = rooms.lend(10);
    expect(rooms.lend(10)).toBeDefined();
    expect(rooms.lend(10)).toBeUndefined();
    first?.release();
    first?.release();
    expect(rooms.lend(10)).toBeDefined();
    expect(rooms.lend(10)).toBeUndefined();
    rooms.close();
  });

  it("grow to what is asked for and are writable to the last byte", () => {
    const rooms = new Rooms(1, folder);
    for (const sizeBytes of [1, 70_000, 5_000_000, 100]) {
      const room = rooms.lend(sizeBytes);
      expect(room?.bytes.length).toBeGreaterThanOrEqual(sizeBytes);
      expect(room?.plain).toBe(false);
      room?.bytes.fill(1);
      room?.release();
    }
    rooms.close();
  });

  it("give the memory of a large batch back after a period in which nobody needed it", () => {
    const rooms = new Rooms(1, folder);
    const small = heldBytes();
    rooms.lend(20_000_000)?.release();
    expect(heldBytes()).toBeGreaterThan(20_000_000);
    rooms.shrink();
    expect(heldBytes()).toBeGreaterThan(20_000_000);
    rooms.shrink();
    rooms.shrink();
    expect(heldBytes()).toBe(small);
    rooms.lend(20_000_000)?.bytes.fill(1);
    rooms.close();
  });

  it("that are lent never shrink", () => {
    const rooms = new Rooms(1, folder);
    const room = rooms.lend(1_000_000);
    for (let i = 0; i < 4; i++) rooms.shrink();
    room?.bytes.fill(1);
    expect(heldBytes()).toBeGreaterThanOrEqual(1_000_000);
    rooms.close();
  });

  it("leave no name behind once the worker has them, nor when they are closed before", () => {
    const opened = new Rooms(2, folder);
    expect(readdirSync(folder)).toHaveLength(2);
    opened.unlink();
    expect(readdirSync(folder)).toEqual([]);
    new Rooms(2, folder).close();
    expect(readdirSync(folder)).toEqual([]);
    opened.close();
  });

  it("stay usable for whoever still holds one when they are closed", () => {
    const rooms = new Rooms(1, folder);
    const room = rooms.lend(10);
    rooms.close();
    room?.bytes.fill(1);
    expect(rooms.lend(10)).toBeUndefined();
    room?.release();
  });
});

describe("where there is no shared memory", () => {
  it("rooms are plain memory and have nothing for the worker to open", () => {
    const rooms = new Rooms(1, undefined);
    expect(rooms.words).toEqual([]);
    const room = rooms.lend(100);
    expect(room?.plain).toBe(true);
    expect(room?.bytes).toHaveLength(100);
    rooms.close();
  });

  it("a folder that cannot be used is an error, not a room", () => {
    expect(() => new Rooms(1, join(folder, "missing"))).toThrow("ENOENT");
  });
});
