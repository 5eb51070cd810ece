import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { storeFolders } from "../../../test/support/store-folder.ts";
import { openFileStore } from "./file-store.ts";

const newFolder = storeFolders();

describe("a log whose last line was torn", () => {
  it("passes it over, and goes on on a line of its own", async () => {
    const folder = newFolder();
    const { log } = await openFileStore(folder);
    const path = join(folder, "audit.jsonl");
    await log.append({ n: 1 });
    await appendFile(path, '{"n":2,"te');
    expect(await log.read(9)).toEqual([{ n: 1 }]);
    await log.append({ n: 3 });
    expect(await log.read(9)).toEqual([{ n: 3 }, { n: 1 }]);
    expect(await readFile(path, "utf8")).toBe('{"n":1}\n{"n":2,"te\n{"n":3}\n');
  });
});

describe("a log with foreign lines", () => {
  it("gives what is an entry", async () => {
    const folder = newFolder();
    const { log } = await openFileStore(folder);
    const path = join(folder, "audit.jsonl");
    await log.append({ n: 1 });
    await appendFile(path, `\n\nnull\n7\n${"x".repeat(5 * 2 ** 20)}\n`);
    await log.append({ n: 2 });
    expect(await log.read(9)).toEqual([{ n: 2 }, { n: 1 }]);
  });

  it("gives entries of any length at any place", async () => {
    const { log } = await openFileStore(newFolder());
    const lengths = [0, 1, 65_000, 65_520, 65_536, 70_000, 200_000, 3, 131_072, 0];
    const entries = lengths.map((length, n) => ({ n, text: "é".repeat(length) }));
    for (const entry of entries) await log.append(entry);
    expect(await log.read(99)).toEqual(entries.toReversed());
  });
});

describe("a log that is not there yet", () => {
  it("is empty", async () => {
    expect(await (await openFileStore(newFolder())).log.read(9)).toEqual([]);
  });
});
