import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { KeptLog, storeFolders } from "../../../test/support/store-folder.ts";
import { digestOf, pieces } from "../conformance.ts";
import { hold } from "./exclusive.ts";
import { openFileStore } from "./file-store.ts";
import { Layout } from "./layout.ts";

const newFolder = storeFolders();

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

describe("a folder that is no store", () => {
  it("is left alone", async () => {
    const folder = newFolder();
    await write(join(folder, "thesis.tex"), "");
    await expect(openFileStore(folder)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("thesis.tex"),
    });
    expect(await readdir(folder)).toEqual(["thesis.tex"]);
  });

  it("becomes one where it is empty, also for two at once", async () => {
    const folder = newFolder();
    await mkdir(join(folder, "lost+found"), { recursive: true });
    await write(join(folder, ".keep"), "");
    await Promise.all([openFileStore(folder), openFileStore(folder)]);
    const format = JSON.parse(await readFile(join(folder, "format.json"), "utf8"));
    expect(format).toEqual({ format: "beamgate-store", version: 1 });
  });

  it("becomes one, whatever the moment at which another opens it too", async () => {
    for (let round = 0; round < 20; round++) {
      const folder = newFolder();
      // Each starts one turn of the disk later than the one before it.
      const opened = Array.from({ length: 12 }, async (_, late) => {
        for (let turn = 0; turn < late; turn++) await readdir("/").catch(() => []);
        return openFileStore(folder);
      });
      await Promise.all(opened);
    }
  });
});

describe("a store of a newer format", () => {
  const newer = '{"format":"beamgate-store","version":2}';

  it("is refused with what to do", async () => {
    const folder = newFolder();
    await write(join(folder, "format.json"), newer);
    await expect(openFileStore(folder)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringMatching(/has format 2, this beamgate knows up to 1; start a newer/),
    });
  });

  it("is not written any more by a process that had opened it before", async () => {
    const folder = newFolder();
    const store = await openFileStore(folder);
    await store.records("notes").commit("a", 0, {});
    await write(join(folder, "tmp", "new"), newer);
    await rename(join(folder, "tmp", "new"), join(folder, "format.json"));
    const refused = { code: "FAILED_PRECONDITION" };
    await expect(store.records("notes").commit("a", 1, {})).rejects.toMatchObject(refused);
    const put = store.blobs.put(pieces(Buffer.from("x")), { maxBytes: 9 });
    await expect(put).rejects.toMatchObject(refused);
    await expect(store.blobs.sweep(new Set())).rejects.toMatchObject(refused);
  });
});

it("is not written where it was moved away under a running process", async () => {
  const folder = newFolder();
  const store = await openFileStore(folder);
  await rename(join(folder, "format.json"), join(folder, "tmp", "elsewhere"));
  await expect(store.records("notes").commit("a", 0, {})).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("is gone"),
  });
});

it("refuses a format file that says nothing", async () => {
  const folder = newFolder();
  await write(join(folder, "format.json"), "{");
  await expect(openFileStore(folder)).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("does not say which format"),
  });
});

describe("a store of format 0", () => {
  const bytes = Buffer.from("a bitstream");
  const hex = createHash("sha256").update(bytes).digest("hex");

  async function oldStore(): Promise<string> {
    const folder = newFolder();
    await write(join(folder, "format.json"), '{"format":"beamgate-store","version":0}');
    await write(join(folder, "blobs", hex), bytes.toString());
    await write(join(folder, "models", "a%2Fb", "1.json"), '{"name":"old"}');
    await write(join(folder, "models", "a%2Fb", "2.json"), '{"name":"new"}');
    await write(join(folder, "models", "gone", "1.json"), '{"name":"gone"}');
    await write(join(folder, "models", "gone", "2.json"), "null");
    await write(join(folder, "models", "torn", "1.json"), '{"na');
    await write(join(folder, "audit.jsonl"), '{"n":1}\n');
    await write(join(folder, "keys", "cpu.pem"), "secret");
    return folder;
  }

  async function check(folder: string): Promise<void> {
    const store = await openFileStore(folder);
    const models = store.records<{ name: string }>("models");
    expect(models.get("a/b")).toMatchObject({ generation: 2, value: { name: "new" } });
    expect((await models.history("a/b"))[0]?.value).toEqual({ name: "old" });
    expect(models.get("gone")).toMatchObject({ generation: 2, value: undefined });
    expect(models.damaged.get("torn")).toMatchObject({ generation: 1 });
    expect(await store.blobs.rehash(digestOf(bytes))).toBe(digestOf(bytes));
    expect(await store.log.read(9)).toEqual([{ n: 1 }]);
    expect(await readFile(join(await store.folder("keys"), "cpu.pem"), "utf8")).toBe("secret");
    expect(await models.commit("a/b", 2, { name: "newer" })).toMatchObject({ generation: 3 });
  }

  it("is upgraded when it is opened, and everything is there", async () => {
    const folder = await oldStore();
    const log = new KeptLog();
    await openFileStore(folder, { log });
    expect(log.infos).toEqual([expect.stringContaining("from format 0 to 1")]);
    await check(folder);
  });

  it("is upgraded by one of several processes", async () => {
    const folder = await oldStore();
    const log = new KeptLog();
    await Promise.all([1, 2, 3].map(() => openFileStore(folder, { log })));
    expect(log.infos.filter((line) => line.includes("upgrading"))).toHaveLength(1);
    await check(folder);
  });

  it("is upgraded to its end where the process before died in between", async () => {
    const folder = await oldStore();
    const layout = new Layout(folder);
    // Half of the blobs, a record of a key and the folder of another one were done.
    await write(layout.blob(hex), bytes.toString());
    const done = { key: "a/b", generation: 1, at: "2026-01-01T00:00:00Z", value: { name: "old" } };
    await write(join(layout.kind("models"), "a%2Fb", "1.json"), JSON.stringify(done));
    await mkdir(join(layout.kind("models"), "gone"));
    await check(folder);
  });

  it("is waited for while another process upgrades it", async () => {
    const folder = await oldStore();
    const layout = new Layout(folder);
    await mkdir(layout.temporary);
    const got = await hold(layout, layout.upgradeLock);
    if (!("held" in got)) throw new Error("nobody else has it");
    const log = new KeptLog();
    let opened = false;
    const opening = openFileStore(folder, { log }).then(() => {
      opened = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(opened).toBe(false);
    expect(log.infos).toEqual([expect.stringContaining(`process ${process.pid}`)]);
    await got.held.release();
    await opening;
    await check(folder);
  });
});
