import { appendFile, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { KeptLog, storeFolders } from "../../../test/support/store-folder.ts";
import { openFileStore } from "./file-store.ts";

interface Note {
  readonly text: string;
}

const newFolder = storeFolders();

async function storeWith(...texts: readonly string[]) {
  const folder = newFolder();
  const store = await openFileStore(folder);
  const notes = store.records<Note>("notes");
  for (const [at, text] of texts.entries()) await notes.commit("a", at, { text });
  const file = (generation: number) => join(folder, "records", "notes", "a", `${generation}.json`);
  return { folder, store, notes, file };
}

describe("files that are no records", () => {
  it("are ignored with a warning that names them", async () => {
    const { folder } = await storeWith("one");
    const records = join(folder, "records");
    await writeFile(join(records, "notes", "a", "2.json.swp"), "half");
    await writeFile(join(records, "notes", "a", "02.json"), "{}");
    await writeFile(join(records, "notes", "README"), "hello");
    await mkdir(join(records, "Not A Kind"));
    await mkdir(join(records, "notes", "empty"));
    const log = new KeptLog();
    const notes = (await openFileStore(folder, { log })).records<Note>("notes");
    expect([...notes.all.keys()]).toEqual(["a"]);
    expect(notes.get("a")).toMatchObject({ generation: 1, value: { text: "one" } });
    for (const name of ["2.json.swp", "02.json", "README", "Not A Kind"]) {
      expect(log.warnings.join("\n")).toContain(name);
    }
    expect(log.warnings).toHaveLength(4);
    expect(log.errors).toEqual([]);
  });
});

describe("a record whose newest generation was damaged", () => {
  for (const [what, damage] of [
    ["half of it", (file: string) => truncate(file, 20)],
    ["nothing of it", (file: string) => truncate(file, 0)],
    ["other text", (file: string) => writeFile(file, "no JSON")],
    ["the record of another key", (file: string) => writeFile(file, record("b", 2))],
    ["an older generation", (file: string) => writeFile(file, record("a", 1))],
  ] as const) {
    it(`is out of use where ${what} is there: what it superseded does not come back`, async () => {
      const { folder, file } = await storeWith("one", "two");
      await damage(file(2));
      const log = new KeptLog();
      const notes = (await openFileStore(folder, { log })).records<Note>("notes");
      expect(notes.get("a")).toBeUndefined();
      expect(notes.damaged.get("a")).toMatchObject({
        generation: 2,
        reason: expect.stringContaining("2.json"),
      });
      expect(log.errors).toEqual([expect.stringContaining("'a' is out of use")]);
      expect(notes.generation).toBe(2);
      await expect(notes.commit("a", 2, { text: "x" })).rejects.toMatchObject({
        code: "DATA_LOSS",
        message: expect.stringContaining("restore that file from a backup"),
      });
    });
  }

  it("does not disturb the others", async () => {
    const { folder, notes, file } = await storeWith("one");
    await notes.commit("b", 0, { text: "fine" });
    await truncate(file(1), 3);
    const again = (await openFileStore(folder)).records<Note>("notes");
    expect([...again.all.keys()]).toEqual(["b"]);
    expect(await again.commit("b", 1, { text: "still fine" })).toMatchObject({ generation: 2 });
  });

  it("comes back as a new generation when somebody decides so", async () => {
    const { folder, file } = await storeWith("one", "two", "three");
    await truncate(file(3), 3);
    const notes = (await openFileStore(folder)).records<Note>("notes");
    const other = (await openFileStore(folder)).records<Note>("notes");
    const recovered = await notes.recover("a", { who: "ada" });
    expect(recovered).toMatchObject({
      generation: 4,
      value: { text: "two" },
      note: { who: "ada", recoveredFrom: 2 },
    });
    expect(notes.damaged.size).toBe(0);
    expect(await other.refresh()).toEqual(["a"]);
    expect(other.get("a")).toEqual(recovered);
    expect(other.damaged.size).toBe(0);
    await expect(notes.recover("a")).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  });

  it("is found also under a name that is too long to be a folder's", async () => {
    const folder = newFolder();
    const key = "é".repeat(120);
    await (await openFileStore(folder)).records<Note>("notes").commit(key, 0, { text: "one" });
    const notesFolder = join(folder, "records", "notes");
    const [name = ""] = await readdir(notesFolder);
    expect(name.length).toBeLessThanOrEqual(255);
    await truncate(join(notesFolder, name, "1.json"), 5);
    const notes = (await openFileStore(folder)).records<Note>("notes");
    expect(notes.damaged.size).toBe(1);
    await expect(notes.commit(key, 1, { text: "x" })).rejects.toMatchObject({ code: "DATA_LOSS" });
  });
});

describe("a process that died", () => {
  it("between announcement and commit leaves nothing visible, and what comes later is seen", async () => {
    const { folder, notes } = await storeWith("one");
    const other = (await openFileStore(folder)).records<Note>("notes");
    await appendFile(join(folder, "records", "notes.journal"), "\na 2\n\nb 1\n");
    expect(await other.refresh()).toEqual([]);
    const late = (await openFileStore(folder)).records<Note>("notes");
    await notes.commit("a", 1, { text: "two" });
    await notes.commit("b", 0, { text: "new" });
    expect((await other.refresh()).toSorted()).toEqual(["a", "b"]);
    expect((await late.refresh()).toSorted()).toEqual(["a", "b"]);
    expect(late.get("a")).toMatchObject({ generation: 2 });
  });

  it("right after the commit, long after it was announced, is seen by those who started in between", async () => {
    const { folder, file } = await storeWith("one");
    // Announced and then held up, while another process starts.
    await appendFile(join(folder, "records", "notes.journal"), "\na 2\n");
    const late = (await openFileStore(folder)).records<Note>("notes");
    await writeFile(file(2), record("a", 2));
    expect(await late.refresh()).toEqual(["a"]);
    expect(late.get("a")).toMatchObject({ generation: 2 });
  });

  it("in the middle of a line of the journal spoils no other line", async () => {
    const { folder, notes } = await storeWith("one");
    const other = (await openFileStore(folder)).records<Note>("notes");
    await appendFile(join(folder, "records", "notes.journal"), "\na 2");
    await notes.commit("b", 0, { text: "new" });
    expect(await other.refresh()).toEqual(["b"]);
  });
});

describe("a process that was behind", () => {
  it("catches up over more generations than are kept", async () => {
    const { folder, notes } = await storeWith("one");
    const other = (await openFileStore(folder)).records<Note>("notes");
    for (let at = 1; at < 130; at++) await notes.commit("a", at, { text: `${at + 1}` });
    expect(await other.refresh()).toEqual(["a"]);
    expect(other.get("a")).toMatchObject({ generation: 130, value: { text: "130" } });
    expect(other.generation).toBe(notes.generation);
  });

  it("does not take a number that was used and emptied long ago", async () => {
    const { folder, notes } = await storeWith("one");
    const other = (await openFileStore(folder)).records<Note>("notes");
    for (let at = 1; at < 70; at++) await notes.commit("a", at, { text: `${at + 1}` });
    await expect(other.commit("a", 1, { text: "late" })).rejects.toMatchObject({
      code: "ABORTED",
      message: expect.stringContaining("generation 70 is there"),
    });
    const files = await readdir(join(folder, "records", "notes", "a"));
    expect(files).toHaveLength(70);
    expect(await readFile(join(folder, "records", "notes", "a", "20.json"), "utf8")).toBe("");
    expect(await readFile(join(folder, "records", "notes", "a", "21.json"), "utf8")).not.toBe("");
  });

  it("reads everything again when somebody removed the journal", async () => {
    const { folder, notes } = await storeWith("one");
    const log = new KeptLog();
    const other = (await openFileStore(folder, { log })).records<Note>("notes");
    await rm(join(folder, "records", "notes.journal"));
    await notes.commit("a", 1, { text: "two" });
    await notes.commit("b", 0, { text: "new" });
    expect((await other.refresh()).toSorted()).toEqual(["a", "b"]);
    expect(log.warnings).toEqual([expect.stringContaining("was replaced")]);
    await notes.commit("b", 1, { text: "newer" });
    expect(await other.refresh()).toEqual(["b"]);
  });

  it("sees a kind that did not exist when it started", async () => {
    const folder = newFolder();
    const [one, other] = [await openFileStore(folder), await openFileStore(folder)];
    expect(await other.records<Note>("notes").refresh()).toEqual([]);
    await one.records<Note>("notes").commit("a", 0, { text: "one" });
    expect(await other.records<Note>("notes").refresh()).toEqual(["a"]);
    await one.records<Note>("letters").commit("b", 0, { text: "two" });
    expect(await other.records<Note>("letters").refresh()).toEqual(["b"]);
  });
});

it("leaves no temporary file behind, neither the winner nor the loser", async () => {
  const { folder, notes } = await storeWith("one");
  await Promise.allSettled([1, 2, 3, 4].map((n) => notes.commit("a", 1, { text: `${n}` })));
  expect(await readdir(join(folder, "tmp"))).toEqual([]);
});

function record(key: string, generation: number): string {
  const at = "2026-01-01T00:00:00.000Z";
  return JSON.stringify({ key, generation, at, value: { text: "written by hand" } });
}
