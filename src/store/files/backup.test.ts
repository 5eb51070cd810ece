import { chmod, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../../../test/support/process-tree.ts";
import { storeFolders } from "../../../test/support/store-folder.ts";
import { pieces } from "../conformance.ts";
import { backupStore } from "./backup.ts";
import { openFileStore } from "./file-store.ts";
import { restoreStore } from "./restore.ts";

interface Model {
  readonly blob: string;
}

const newFolder = storeFolders();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const limits = { maxBytes: 1000 };

async function someStore() {
  const folder = newFolder();
  const store = await openFileStore(folder);
  const models = store.records<Model>("models");
  const { digest } = await store.blobs.put(pieces(Buffer.from("one")), limits);
  await models.commit("a/b", 0, { blob: digest }, { who: "ada" });
  for (let at = 1; at < 60; at++) await models.commit("a/b", at, { blob: digest });
  await models.commit("gone", 0, { blob: digest });
  await models.commit("gone", 1, undefined);
  await store.log.append({ n: 1 });
  await store.log.append({ n: 2 });
  const keys = await store.folder("keys");
  await writeFile(join(keys, "cpu.pem"), "secret", { mode: 0o600 });
  return { folder, store, models, digest };
}

describe("a backup", () => {
  it("restores to a store with the same records, history, bytes, log and folders", async () => {
    const { folder, models, digest } = await someStore();
    const [backup, restored] = [newFolder(), newFolder()];
    const report = await backupStore(folder, backup, ["keys"]);
    expect(report).toMatchObject({ records: 2, blobs: 1, bytes: 3, damaged: [] });
    expect(await restoreStore(backup, restored)).toEqual({
      at: report.at,
      records: 2,
      blobs: 1,
      bytes: 3,
    });
    const again = await openFileStore(restored);
    const restoredModels = again.records<Model>("models");
    expect(new Map(restoredModels.all)).toEqual(new Map(models.all));
    expect(restoredModels.generation).toBe(models.generation);
    expect(await restoredModels.history("a/b")).toEqual(await models.history("a/b"));
    expect(await again.blobs.rehash(digest)).toBe(digest);
    expect((await stat(again.blobs.path(digest))).mode & 0o777).toBe(0o444);
    expect(await again.log.read(9)).toEqual([{ n: 2 }, { n: 1 }]);
    const keys = await again.folder("keys");
    expect((await stat(keys)).mode & 0o777).toBe(0o700);
    expect((await stat(join(keys, "cpu.pem"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(keys, "cpu.pem"), "utf8")).toBe("secret");
    // Numbers go on where they were.
    expect(await restoredModels.commit("a/b", 60, { blob: digest })).toMatchObject({
      generation: 61,
    });
    expect(await restoredModels.commit("gone", 2, { blob: digest })).toMatchObject({
      generation: 3,
    });
  });

  it("is complete in itself while others register and sweep", { timeout: 120_000 }, async () => {
    const { folder, store } = await someStore();
    const models = store.records<Model>("models");
    const sweeper = await openFileStore(folder, { graceMs: 2_000 });
    let ended = false;
    let swept = 0;
    const register = async (worker: number) => {
      for (let n = 0; !ended; n++) {
        const bytes = Buffer.from(`worker ${worker}, bytes ${n}`);
        const { digest } = await store.blobs.put(pieces(bytes), limits);
        const key = `model-${worker}`;
        await models.commit(key, models.get(key)?.generation ?? 0, { blob: digest });
        await pause(20);
      }
    };
    const sweep = async () => {
      const seen = sweeper.records<Model>("models");
      while (!ended) {
        await seen.refresh();
        const keep = new Set([...seen.all.values()].flatMap(({ value }) => value?.blob ?? []));
        swept += (await sweeper.blobs.sweep(keep)).length;
        await pause(10);
      }
    };
    const others = [register(1), register(2), sweep()];
    const backups = [newFolder(), newFolder()];
    expect(await eventually(() => swept > 0, 60_000)).toBeDefined();
    for (const backup of backups) {
      await pause(200);
      await backupStore(folder, backup);
    }
    ended = true;
    await Promise.all(others);
    for (const backup of backups) {
      const restored = newFolder();
      await restoreStore(backup, restored);
      const again = await openFileStore(restored);
      const records = [...again.records<Model>("models").all.values()];
      for (const { value } of records) {
        if (value !== undefined) expect(await again.blobs.rehash(value.blob)).toBe(value.blob);
      }
    }
  });

  it("names damaged files, and leaves out blobs that are not what they should be", async () => {
    const { folder, store, digest } = await someStore();
    const other = await store.blobs.put(pieces(Buffer.from("fine")), limits);
    await chmod(store.blobs.path(digest), 0o644);
    await writeFile(store.blobs.path(digest), "ome");
    await truncate(join(folder, "records", "models", "a%2Fb", "60.json"), 9);
    const backup = newFolder();
    const report = await backupStore(folder, backup);
    expect(report.blobs).toBe(1);
    expect(report.damaged.join("\n")).toContain("60.json' is no JSON");
    expect(report.damaged.join("\n")).toContain(digest);
    const restored = newFolder();
    await restoreStore(backup, restored);
    const again = await openFileStore(restored);
    expect(again.records<Model>("models").damaged.get("a/b")).toMatchObject({ generation: 60 });
    expect(await again.blobs.has(digest)).toBe(false);
    expect(await again.blobs.has(other.digest)).toBe(true);
  });

  it("goes into an empty folder, from a store", async () => {
    const { folder } = await someStore();
    const full = newFolder();
    await mkdir(full);
    await writeFile(join(full, "thesis.tex"), "");
    const refused = { code: "FAILED_PRECONDITION" };
    await expect(backupStore(folder, full)).rejects.toMatchObject(refused);
    await expect(backupStore(newFolder(), newFolder())).rejects.toMatchObject(refused);
  });
});

describe("restoring", () => {
  async function someBackup() {
    const { folder, digest } = await someStore();
    const backup = newFolder();
    await backupStore(folder, backup, ["keys"]);
    const hex = digest.slice("sha256:".length);
    return { folder, backup, blob: join(backup, "blobs", "sha256", hex.slice(0, 2), hex), digest };
  }

  it("refuses a folder that is not empty, a store among them", async () => {
    const { folder, backup } = await someBackup();
    await expect(restoreStore(backup, folder)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("not empty"),
    });
  });

  it("refuses what is no whole backup", async () => {
    const { backup } = await someBackup();
    await rm(join(backup, "backup.json"));
    await expect(restoreStore(backup, newFolder())).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("cut off"),
    });
  });

  for (const [what, damage] of [
    ["a blob", ({ blob }: { blob: string }) => writeFile(blob, "ome")],
    ["records", ({ backup }: { backup: string }) => truncate(join(backup, "records.jsonl"), 99)],
    ["the log", ({ backup }: { backup: string }) => writeFile(join(backup, "audit.jsonl"), "{}\n")],
    [
      "a key",
      ({ backup }: { backup: string }) => writeFile(join(backup, "folders/keys/cpu.pem"), "other"),
    ],
  ] as const) {
    it(`stops at ${what} that changed, and leaves the folder empty`, async () => {
      const backup = await someBackup();
      await chmod(backup.blob, 0o644);
      await damage(backup);
      const target = newFolder();
      await expect(restoreStore(backup.backup, target)).rejects.toMatchObject({
        code: "DATA_LOSS",
      });
      expect(await readdir(target)).toEqual([]);
    });
  }
});
