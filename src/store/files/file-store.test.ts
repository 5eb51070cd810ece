import { createHash, randomBytes } from "node:crypto";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silent } from "../../logger.ts";
import { backupStore, restoreStore } from "./backup.ts";
import { FileBlobs } from "./file-blobs.ts";
import { AUDIT_FILE, FileStore } from "./file-store.ts";
import { fileNameOf, keyOf } from "./record-files.ts";

let folder: string;
let store: FileStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-store-"));
  store = await FileStore.open(join(folder, "store"), silent);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const LIMIT = { maxBytes: 1_000_000 };

async function* pieces(bytes: Uint8Array, size = 1000): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function* broken(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
  throw new Error("the connection broke");
}
const leftovers = () => readdir(join(folder, "store", "tmp"));

describe("blobs", () => {
  const bytes = randomBytes(10_500);

  it("come back by their digest, and are kept once", async () => {
    const first = await store.blobs.put(pieces(bytes), LIMIT);
    expect(first).toEqual({ digest: digestOf(bytes), sizeBytes: bytes.length });
    expect(await readFile(store.blobs.path(first.digest))).toEqual(bytes);
    expect(await store.blobs.put(pieces(bytes, 7), LIMIT)).toEqual(first);
    expect(await store.blobs.list()).toEqual([first.digest]);
    expect(await leftovers()).toEqual([]);
  });

  it.each([
    ["more bytes than are allowed", () => store.blobs.put(pieces(bytes), { maxBytes: 10_499 })],
    [
      "another digest than was announced",
      () => store.blobs.put(pieces(bytes), { ...LIMIT, expected: `sha256:${"0".repeat(64)}` }),
    ],
  ])("are refused for %s, and nothing stays", async (_, put) => {
    await expect(put()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await store.blobs.list()).toEqual([]);
    expect(await leftovers()).toEqual([]);
  });

  it("leave nothing behind when the source breaks off", async () => {
    await expect(store.blobs.put(broken(bytes), LIMIT)).rejects.toThrow("broke");
    expect(await leftovers()).toEqual([]);
  });

  it("notice that their bytes were changed on disk", async () => {
    const { digest } = await store.blobs.put(pieces(bytes), LIMIT);
    expect(await store.blobs.rehash(digest)).toBe(digest);
    await chmod(store.blobs.path(digest), 0o600);
    await truncate(store.blobs.path(digest), 10);
    expect(await store.blobs.rehash(digest)).toBe(digestOf(bytes.subarray(0, 10)));
  });

  it("are swept when they are old and nobody names them", async () => {
    const blobs = new FileBlobs(join(folder, "store"), 0);
    const { digest: kept } = await blobs.put(pieces(bytes), LIMIT);
    const { digest: gone } = await blobs.put(pieces(bytes.subarray(1)), LIMIT);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await blobs.sweep(new Set([kept]))).toEqual([gone]);
    expect(await blobs.list()).toEqual([kept]);
  });

  it("are not swept while they are young: somebody may be about to name them", async () => {
    const { digest } = await store.blobs.put(pieces(bytes), LIMIT);
    expect(await store.blobs.sweep(new Set())).toEqual([]);
    expect(await store.blobs.has(digest)).toBe(true);
  });

  it.each(["sha256:../../etc/passwd", `sha256:${"A".repeat(64)}`, "", "md5:00"])(
    "have no path for '%s'",
    (digest) => expect(() => store.blobs.path(digest)).toThrow("is no digest"),
  );
});

describe("uploads", () => {
  const bytes = randomBytes(5_000);
  const digest = digestOf(bytes);

  it("go on where they stopped, also after a broken connection and in another process", async () => {
    const first = await store.blobs.openUpload(digest);
    await expect(first.append(0, broken(bytes.subarray(0, 2_000)), 5_000)).rejects.toThrow("broke");
    const again = await FileStore.open(join(folder, "store"), silent);
    const second = await again.blobs.openUpload(digest);
    expect(second.receivedBytes).toBe(2_000);
    await expect(second.append(1_000, pieces(bytes), 5_000)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: "the upload goes on at byte 2000, not 1000",
    });
    expect(await second.append(2_000, pieces(bytes.subarray(2_000)), 5_000)).toBe(5_000);
    expect(await second.finish()).toEqual({ digest, sizeBytes: 5_000 });
    expect(await store.blobs.has(digest)).toBe(true);
    expect(await readdir(join(folder, "store", "uploads"))).toEqual([]);
  });

  it("are dropped when the bytes are others", async () => {
    const upload = await store.blobs.openUpload(digest);
    await upload.append(0, pieces(bytes.subarray(1)), 5_000);
    await expect(upload.finish()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect((await store.blobs.openUpload(digest)).receivedBytes).toBe(0);
  });

  it("have one writer at a time", async () => {
    let goOn = () => {};
    const waiting = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    async function* slow() {
      yield bytes.subarray(0, 10);
      await waiting;
    }
    const upload = await store.blobs.openUpload(digest);
    const first = upload.append(0, slow(), 5_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const other = await store.blobs.openUpload(digest);
    await expect(other.append(0, pieces(bytes), 5_000)).rejects.toMatchObject({ code: "ABORTED" });
    goOn();
    expect(await first).toBe(10);
  });

  it("of what is there already are complete", async () => {
    await store.blobs.put(pieces(bytes), LIMIT);
    const upload = await store.blobs.openUpload(digest);
    expect(upload.receivedBytes).toBe(5_000);
    expect(await upload.finish()).toEqual({ digest, sizeBytes: 5_000 });
  });
});

describe("records", () => {
  it("grow by generations, which are never used twice", async () => {
    const records = await store.records<{ n: number }>("models");
    expect((await records.commit("a", 0, { n: 1 })).generation).toBe(1);
    expect((await records.commit("a", 1, undefined)).generation).toBe(2);
    expect((await records.commit("a", 2, { n: 3 })).generation).toBe(3);
    expect(records.get("a")).toMatchObject({ generation: 3, value: { n: 3 } });
    expect(records.generation).toBe(3);
    const history = await records.history("a");
    expect(history.map(({ value }) => value)).toEqual([{ n: 3 }, undefined, { n: 1 }]);
  });

  it.each([0, 1, 3, 7])(
    "refuse a change made from generation %i where there is 2",
    async (from) => {
      const records = await store.records<number>("models");
      await records.commit("a", 0, 1);
      await records.commit("a", 1, 2);
      await expect(records.commit("a", from, 9)).rejects.toMatchObject({
        code: "ABORTED",
        message: expect.stringContaining("is at generation 2"),
      });
      expect(records.get("a")?.value).toBe(2);
    },
  );

  it("of one process are seen by another when it looks", async () => {
    const ours = await store.records<number>("models");
    const theirs = await (await FileStore.open(join(folder, "store"), silent)).records("models");
    await theirs.commit("a", 0, 1);
    await theirs.commit("b/c", 0, 2);
    expect(ours.get("a")).toBeUndefined();
    expect(await ours.refresh()).toEqual(["a", "b/c"]);
    expect(ours.get("b/c")?.value).toBe(2);
    expect(ours.generation).toBe(theirs.generation);
    expect(await ours.refresh()).toEqual([]);
  });

  it("whose writer died before it told anybody are found all the same", async () => {
    const ours = await store.records<number>("models");
    const theirs = await (await FileStore.open(join(folder, "store"), silent)).records("models");
    await theirs.commit("a", 0, 1);
    await truncate(join(folder, "store", "records", "models", ".journal"), 0);
    const looks = Array.from({ length: 60 }, () => ours.refresh());
    await Promise.all(looks);
    expect(ours.get("a")?.value).toBe(1);
  });

  it("keep the newest fifty generations", async () => {
    const records = await store.records<number>("models");
    for (let n = 0; n < 60; n += 1) await records.commit("a", n, n);
    const history = await records.history("a");
    expect(history).toHaveLength(50);
    expect(history[0]?.value).toBe(59);
  });

  it("that were damaged from outside are left out, and do not bring back what they replaced", async () => {
    const records = await store.records<number>("models");
    await records.commit("a", 0, 1);
    await records.commit("a", 1, 2);
    await records.commit("b", 0, 1);
    await writeFile(join(folder, "store", "records", "models", "a", "2.json"), '{"gen');
    await writeFile(join(folder, "store", "records", "models", "stray"), "");
    const told: string[] = [];
    const log = {
      ...silent,
      error: (text: string) => told.push(text),
      warn: (text: string) => told.push(text),
    };
    const again = await (await FileStore.open(join(folder, "store"), log)).records<number>(
      "models",
    );
    expect(again.get("a")).toMatchObject({ generation: 2, value: undefined });
    expect(again.get("b")?.value).toBe(1);
    expect(told.join()).toContain("2.json");
    expect(told.join()).toContain("stray");
    expect((await again.commit("a", 2, 3)).generation).toBe(3);
  });

  it.each(["a", "A", ".", "..", "a/b", "%41", "journal", "mödel", "x".repeat(255), "a*b'(c)!~"])(
    "have a file name of their own for '%s'",
    (key) => {
      const name = fileNameOf(key);
      expect(name).not.toMatch(/[/\0]|^\.{1,2}$/);
      expect(keyOf(name)).toBe(key);
    },
  );
});

describe("the log", () => {
  it("is read from its end, over a line that was torn", async () => {
    for (let n = 0; n < 3000; n += 1) await store.log.append({ n, text: "x".repeat(n % 97) });
    const path = join(folder, "store", AUDIT_FILE);
    await writeFile(path, '{"n": 30', { flag: "a" });
    await store.log.append({ n: 3000 });
    const newest = await store.log.read(3);
    expect(newest.map((entry) => (entry as { n: number }).n)).toEqual([3000, 2999, 2998]);
    expect(await store.log.read(5000)).toHaveLength(3001);
    expect(await store.log.read(9, (entry) => (entry as { n: number }).n === 4)).toHaveLength(1);
  });
});

describe("the format", () => {
  it("of a newer program is refused", async () => {
    await writeFile(join(folder, "store", "format.json"), '{"format": 99}');
    await expect(FileStore.open(join(folder, "store"), silent)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("format 99"),
    });
  });

  it("of the first trials is brought up to date, by one process of several", async () => {
    const old = join(folder, "old");
    await mkdir(join(old, "models", "a"), { recursive: true });
    await writeFile(join(old, "format.json"), '{"format": 0}');
    await writeFile(join(old, "models", "a", "1.json"), '{"generation": 1, "at": "", "value": 5}');
    const opened = await Promise.all([1, 2, 3].map(() => FileStore.open(old, silent)));
    for (const each of opened) {
      expect((await each.records<number>("models")).get("a")?.value).toBe(5);
    }
    expect(JSON.parse(await readFile(join(old, "format.json"), "utf8"))).toEqual({ format: 1 });
  });

  it("is not looked for in a folder of something else", async () => {
    await writeFile(join(folder, "notes.txt"), "");
    await expect(FileStore.open(folder, silent)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("not empty"),
    });
  });
});

describe("a backup", () => {
  it("has what the records name, and becomes a store again", async () => {
    const records = await store.records<object>("models");
    const { digest } = await store.blobs.put(pieces(randomBytes(50)), LIMIT);
    await store.blobs.put(pieces(randomBytes(51)), LIMIT);
    await records.commit("a", 0, { digest });
    await store.log.append({ n: 1 });
    const copy = join(folder, "copy");
    expect(await backupStore(join(folder, "store"), copy, silent)).toMatchObject({
      records: 1,
      blobs: 1,
    });
    const back = join(folder, "back");
    await restoreStore(copy, back, silent);
    const restored = await FileStore.open(back, silent);
    expect((await restored.records("models")).get("a")?.value).toEqual({ digest });
    expect(await restored.blobs.rehash(digest)).toBe(digest);
    expect(await restored.log.read(9)).toEqual([{ n: 1 }]);
  });

  it("whose bytes rotted is refused as a whole", async () => {
    const records = await store.records<object>("models");
    const { digest } = await store.blobs.put(pieces(randomBytes(50)), LIMIT);
    await records.commit("a", 0, { digest });
    const copy = join(folder, "copy");
    await backupStore(join(folder, "store"), copy, silent);
    const rotten = new FileBlobs(copy).path(digest);
    await chmod(rotten, 0o600);
    await writeFile(rotten, "rotten");
    const back = join(folder, "back");
    await expect(restoreStore(copy, back, silent)).rejects.toThrow(digest);
    expect(await readdir(back)).toEqual([]);
  });

  it("goes into an empty folder only", async () => {
    await expect(backupStore(join(folder, "store"), folder, silent)).rejects.toThrow("not empty");
  });
});
