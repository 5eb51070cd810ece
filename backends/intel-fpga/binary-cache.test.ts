import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { BinaryCache } from "./binary-cache.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-cache-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

const binary = Buffer.from("a binary of some length");

describe("the cache of binaries", () => {
  it("gives back what was put, under its key only", async () => {
    const cache = await BinaryCache.open(join(folder, "plain"));
    const key = BinaryCache.key("source", "device", "driver", "options");
    expect(await cache.get(key)).toBeUndefined();
    await cache.put(key, binary);
    expect(Buffer.from((await cache.get(key)) ?? [])).toEqual(binary);
    for (const other of [["source2"], ["sourced", "evice"], ["source", "device", "driver 2"]]) {
      expect(await cache.get(BinaryCache.key(...other))).toBeUndefined();
    }
  });

  it("does not believe an entry that lost or changed a byte, wherever", async () => {
    const cache = await BinaryCache.open(join(folder, "spoilt"));
    await cache.put("entry", binary);
    const path = join(cache.folder, "entry.bin");
    const { size } = statSync(path);
    const whole = readFileSync(path);
    for (let at = 0; at < size; at++) {
      writeFileSync(path, whole.subarray(0, at));
      expect(await cache.get("entry")).toBeUndefined();
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      writeFileSync(path, changed);
      expect(await cache.get("entry")).toBeUndefined();
    }
    writeFileSync(path, whole);
    expect(await cache.get("entry")).toBeDefined();
  });

  it("leaves whole entries and nothing else when several put at once", async () => {
    const cache = await BinaryCache.open(join(folder, "many"));
    const others = await Promise.all(
      Array.from({ length: 8 }, () => BinaryCache.open(cache.folder)),
    );
    await Promise.all(others.map((one) => one.put("same", binary)));
    expect(readdirSync(cache.folder)).toEqual(["same.bin"]);
    expect(await cache.get("same")).toBeDefined();
  });

  it("is made for its user alone", async () => {
    const { folder: made } = await BinaryCache.open(join(folder, "deep", "new"));
    expect(statSync(made).mode & 0o077).toBe(0);
  });

  it("refuses a folder where others may write: what lies there is executed", async () => {
    const shared = join(folder, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    await expect(BinaryCache.open(shared)).rejects.toThrow(
      /its mode is 777; binaries are executed/,
    );
  });

  it("tells which folder cannot be made", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(BinaryCache.open(join(folder, "file", "sub"))).rejects.toThrow(
      /file\/sub cannot be made/,
    );
  });

  it("lies in the user's cache folder, or in the temporary one where that cannot be written", async () => {
    vi.stubEnv("XDG_CACHE_HOME", join(folder, "xdg"));
    expect((await BinaryCache.open()).folder).toBe(join(folder, "xdg", "beamgate", "intel-fpga"));
    vi.stubEnv("XDG_CACHE_HOME", join(folder, "file"));
    vi.stubEnv("TMPDIR", join(folder, "tmp"));
    const own = process.getuid?.() ?? "user";
    const expected = join(folder, "tmp", `beamgate-${own}`, "intel-fpga");
    expect((await BinaryCache.open()).folder).toBe(expected);
  });
});
