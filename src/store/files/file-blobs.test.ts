import { existsSync } from "node:fs";
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { storeFolders } from "../../../test/support/store-folder.ts";
import { digestOf, pieces } from "../conformance.ts";
import { openFileStore } from "./file-store.ts";
import { holdOffSweeps } from "./holds.ts";
import { Layout } from "./layout.ts";

const newFolder = storeFolders();
const bytes = Buffer.from("0123456789");
const digest = digestOf(bytes);
const limits = { maxBytes: 100 };
const LONG_AGO = new Date("2020-01-01");

describe("a blob", () => {
  it("is read-only, under its digest, and nothing else is left", async () => {
    const folder = newFolder();
    const { blobs } = await openFileStore(folder);
    await blobs.put(pieces(bytes), limits);
    const hex = digest.slice("sha256:".length);
    const path = join(folder, "blobs", "sha256", hex.slice(0, 2), hex);
    expect(blobs.path(digest)).toBe(path);
    expect((await stat(path)).mode & 0o777).toBe(0o444);
    expect(await readdir(join(folder, "tmp"))).toEqual([]);
  });

  it("that somebody cut short is whole again after the next put", async () => {
    const { blobs } = await openFileStore(newFolder());
    await blobs.put(pieces(bytes), limits);
    await chmod(blobs.path(digest), 0o644);
    await truncate(blobs.path(digest), 3);
    expect(await blobs.rehash(digest)).not.toBe(digest);
    await blobs.put(pieces(bytes), limits);
    expect(await blobs.rehash(digest)).toBe(digest);
  });

  it("leaves nothing where its source breaks off or its client goes away", async () => {
    const folder = newFolder();
    const { blobs } = await openFileStore(folder);
    const gone = new AbortController();
    async function* stuck() {
      yield bytes;
      setImmediate(() => gone.abort());
      await new Promise(() => {});
    }
    await expect(blobs.put(stuck(), { ...limits, signal: gone.signal })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(await readdir(join(folder, "tmp"))).toEqual([]);
  });
});

describe("an upload that nobody began", () => {
  it("cannot be ended, and leaves nothing", async () => {
    const folder = newFolder();
    const { blobs } = await openFileStore(folder);
    const upload = await blobs.openUpload(digest);
    await expect(upload.finish()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    expect(await readdir(join(folder, "uploads"))).toEqual([]);
  });
});

describe("a sweep", () => {
  it("leaves what is being written, however slowly", async () => {
    const folder = newFolder();
    const { blobs } = await openFileStore(folder, { graceMs: 60_000 });
    async function* slowly() {
      yield bytes;
      const [name = ""] = await readdir(join(folder, "tmp"));
      await utimes(join(folder, "tmp", name), LONG_AGO, LONG_AGO);
      await blobs.sweep(new Set());
      yield bytes;
    }
    const stored = await blobs.put(slowly(), limits);
    expect(await blobs.rehash(stored.digest)).toBe(stored.digest);
  });

  it("removes what processes that died were writing", async () => {
    const folder = newFolder();
    const { blobs } = await openFileStore(folder, { graceMs: 60_000 });
    const [old, young] = [join(folder, "tmp", "blob-1-a"), join(folder, "tmp", "blob-1-b")];
    await Promise.all([writeFile(old, "half"), writeFile(young, "half")]);
    await utimes(old, LONG_AGO, LONG_AGO);
    await blobs.sweep(new Set());
    expect(existsSync(old)).toBe(false);
    expect(existsSync(young)).toBe(true);
  });

  it("brings back what a sweep that died had moved aside", async () => {
    const folder = newFolder();
    const { blobs } = await openFileStore(folder, { graceMs: 60_000 });
    await blobs.put(pieces(bytes), limits);
    await utimes(blobs.path(digest), LONG_AGO, LONG_AGO);
    const aside = join(folder, "tmp", `swept-${digest.slice("sha256:".length)}-1-a`);
    await rename(blobs.path(digest), aside);
    await blobs.sweep(new Set([digest]));
    expect(await blobs.rehash(digest)).toBe(digest);
    expect(await readdir(join(folder, "tmp"))).toEqual([]);
  });

  it("removes nothing while a backup is made", async () => {
    const folder = newFolder();
    const { blobs } = await openFileStore(folder, { graceMs: -1000 });
    await blobs.put(pieces(bytes), limits);
    const held = await holdOffSweeps(new Layout(folder));
    expect(await blobs.sweep(new Set())).toEqual([]);
    await held.release();
    expect(await blobs.sweep(new Set())).toEqual([digest]);
  });

  it("does not wait for a backup that died", async () => {
    const folder = newFolder();
    const { blobs } = await openFileStore(folder, { graceMs: -1000 });
    await blobs.put(pieces(bytes), limits);
    await mkdir(join(folder, "holds"));
    const dead = { ...(await ownerIn(folder)), started: "1" };
    await writeFile(join(folder, "holds", "dead"), JSON.stringify(dead));
    expect(await blobs.sweep(new Set())).toEqual([digest]);
    expect(await readdir(join(folder, "holds"))).toEqual([]);
  });

  it("gives up uploads to which nothing came for long", async () => {
    const folder = newFolder();
    const { blobs } = await openFileStore(folder, { uploadGraceMs: 1000 });
    const upload = await blobs.openUpload(digest);
    await upload.append(0, pieces(bytes.subarray(0, 3)), 10);
    await blobs.sweep(new Set());
    expect((await blobs.openUpload(digest)).receivedBytes).toBe(3);
    const data = join(folder, "uploads", digest.slice("sha256:".length), "data");
    await utimes(data, LONG_AGO, LONG_AGO);
    await blobs.sweep(new Set());
    expect((await blobs.openUpload(digest)).receivedBytes).toBe(0);
    expect(await readdir(join(folder, "uploads"))).toEqual([]);
  });
});

describe("an upload whose process died", () => {
  it("is free at once, and goes on from what was written", async () => {
    const folder = newFolder();
    const hex = digest.slice("sha256:".length);
    const upload = join(folder, "uploads", hex);
    const { blobs } = await openFileStore(folder);
    await mkdir(join(upload, "lock"), { recursive: true });
    await writeFile(join(upload, "data"), bytes.subarray(0, 6));
    const dead = { ...(await ownerIn(folder)), started: "1" };
    await writeFile(join(upload, "lock", "1"), JSON.stringify(dead));
    const resumed = await blobs.openUpload(digest);
    expect(resumed.receivedBytes).toBe(6);
    await resumed.append(6, pieces(bytes.subarray(6)), 10);
    expect(await resumed.finish()).toEqual({ digest, sizeBytes: 10 });
    expect(await readFile(blobs.path(digest))).toEqual(bytes);
    expect(await readdir(join(folder, "uploads"))).toEqual([]);
  });

  it("belongs to a living process on another machine as long as that gives signs of life", async () => {
    const folder = newFolder();
    const hex = digest.slice("sha256:".length);
    const lock = join(folder, "uploads", hex, "lock");
    const { blobs } = await openFileStore(folder);
    await mkdir(lock, { recursive: true });
    const far = { ...(await ownerIn(folder)), place: "elsewhere", host: "far" };
    await writeFile(join(lock, "1"), JSON.stringify(far));
    const upload = await blobs.openUpload(digest);
    await expect(upload.append(0, pieces(bytes), 10)).rejects.toMatchObject({
      code: "ABORTED",
      message: expect.stringContaining("on far"),
    });
    await utimes(join(lock, "1"), LONG_AGO, LONG_AGO);
    expect(await upload.append(0, pieces(bytes), 10)).toBe(10);
  });
});

/** As this process would sign. */
async function ownerIn(folder: string): Promise<object> {
  const held = await holdOffSweeps(new Layout(folder));
  const [name = ""] = await readdir(join(folder, "holds"));
  const owner = JSON.parse(await readFile(join(folder, "holds", name), "utf8"));
  await held.release();
  return owner;
}
