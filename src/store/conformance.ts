/** What every store owes the rooms that use it, as tests: each implementation runs this suite on itself. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store, Versioned } from "./store.ts";

/** Two handles on one store, as two processes have them. */
export interface StorePair {
  readonly one: Store;
  readonly other: Store;
  /** Lets the wall clock of both go on. */
  advance(ms: number): void;
  /** Handles that are opened now see what is there. */
  reopen(): Promise<Store>;
  remove(): Promise<void>;
}

export const GRACE_MS = 60_000;

interface Note {
  readonly text: string;
}

export function storeConformance(open: () => Promise<StorePair>): void {
  let pair: StorePair;
  let one: Store;
  let other: Store;

  beforeEach(async () => {
    pair = await open();
    ({ one, other } = pair);
  });
  afterEach(() => pair.remove());

  describe("blobs", () => {
    it("keeps bytes under their digest, for every handle", async () => {
      const bytes = Buffer.from("a bitstream");
      const stored = await one.blobs.put(pieces(bytes), { maxBytes: 100 });
      expect(stored).toEqual({ digest: digestOf(bytes), sizeBytes: 11 });
      expect(await other.blobs.has(stored.digest)).toBe(true);
      expect(await other.blobs.size(stored.digest)).toBe(11);
      expect(await other.blobs.rehash(stored.digest)).toBe(stored.digest);
      expect(readFileSync(other.blobs.path(stored.digest))).toEqual(bytes);
    });

    it("takes pieces of any size, empty ones among them", async () => {
      const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 7) % 251));
      const cuts = [0, 0, 1, 2, 70_000, 1_500_000, 1_500_000, 2_900_000, bytes.length];
      const stored = await one.blobs.put(
        pieces(...cuts.slice(1).map((cut, at) => bytes.subarray(cuts[at], cut))),
        { maxBytes: bytes.length },
      );
      expect(stored).toEqual({ digest: digestOf(bytes), sizeBytes: bytes.length });
      expect(readFileSync(one.blobs.path(stored.digest)).equals(bytes)).toBe(true);
    });

    it("keeps the same bytes once, also the empty ones", async () => {
      const empty = await one.blobs.put(pieces(), { maxBytes: 0 });
      expect(empty).toEqual({ digest: digestOf(Buffer.alloc(0)), sizeBytes: 0 });
      const puts = await Promise.all(
        [one, other, one].map(({ blobs }) =>
          blobs.put(pieces(Buffer.from("same")), { maxBytes: 9 }),
        ),
      );
      expect(new Set(puts.map(({ digest }) => digest)).size).toBe(1);
    });

    it("refuses more than the limit and another digest, and keeps nothing of them", async () => {
      const bytes = Buffer.from("too long");
      await expect(one.blobs.put(pieces(bytes), { maxBytes: 7 })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("more than 7 bytes"),
      });
      const expected = digestOf(Buffer.from("other"));
      await expect(one.blobs.put(pieces(bytes), { maxBytes: 100, expected })).rejects.toMatchObject(
        {
          code: "INVALID_ARGUMENT",
          message: expect.stringContaining(digestOf(bytes)),
        },
      );
      expect(await one.blobs.has(digestOf(bytes))).toBe(false);
    });

    it("throws what the source throws, and ends with the signal", async () => {
      await expect(
        one.blobs.put(failing(Buffer.from("half"), new Error("hung up")), { maxBytes: 100 }),
      ).rejects.toThrow("hung up");
      await expect(
        one.blobs.put(pieces(Buffer.from("x")), { maxBytes: 9, signal: AbortSignal.abort() }),
      ).rejects.toMatchObject({ code: "CANCELLED" });
    });

    it("says that what is no digest is none", async () => {
      for (const text of ["", "sha256:ab", `md5:${"0".repeat(64)}`, `sha256:${"../".repeat(22)}`]) {
        await expect(one.blobs.has(text)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
        expect(() => one.blobs.path(text)).toThrow("is no digest");
      }
    });

    it("sweeps what nobody names, once the grace time is over", async () => {
      const kept = await one.blobs.put(pieces(Buffer.from("kept")), { maxBytes: 9 });
      const gone = await one.blobs.put(pieces(Buffer.from("gone")), { maxBytes: 9 });
      expect(await other.blobs.sweep(new Set([kept.digest]))).toEqual([]);
      pair.advance(GRACE_MS + 1);
      expect(await other.blobs.sweep(new Set([kept.digest]))).toEqual([gone.digest]);
      expect(await one.blobs.has(gone.digest)).toBe(false);
      expect(await one.blobs.rehash(gone.digest)).toBeUndefined();
      expect(await one.blobs.has(kept.digest)).toBe(true);
    });

    it("gives what is put again, or asked for, the grace time again", async () => {
      const again = await one.blobs.put(pieces(Buffer.from("again")), { maxBytes: 9 });
      const asked = await one.blobs.put(pieces(Buffer.from("asked")), { maxBytes: 9 });
      pair.advance(GRACE_MS + 1);
      await one.blobs.put(pieces(Buffer.from("again")), { maxBytes: 9 });
      await one.blobs.has(asked.digest);
      expect(await other.blobs.sweep(new Set())).toEqual([]);
      expect(await one.blobs.has(again.digest)).toBe(true);
    });
  });

  describe("an upload", () => {
    const bytes = Buffer.from("0123456789");
    const digest = digestOf(bytes);

    it("goes on where it ended, over another handle", async () => {
      const first = await one.blobs.openUpload(digest);
      expect(first.receivedBytes).toBe(0);
      expect(await first.append(0, pieces(bytes.subarray(0, 4)), 10)).toBe(4);
      const second = await other.blobs.openUpload(digest);
      expect(second.receivedBytes).toBe(4);
      expect(await second.append(4, pieces(bytes.subarray(4)), 10)).toBe(10);
      expect(await second.finish()).toEqual({ digest, sizeBytes: 10 });
      expect(readFileSync(one.blobs.path(digest))).toEqual(bytes);
    });

    it("keeps what came before the connection broke", async () => {
      const upload = await one.blobs.openUpload(digest);
      const broken = failing(bytes.subarray(0, 7), new Error("hung up"));
      await expect(upload.append(0, broken, 10)).rejects.toThrow("hung up");
      expect(upload.receivedBytes).toBe(7);
      const again = await one.blobs.openUpload(digest);
      expect(again.receivedBytes).toBe(7);
      await again.append(7, pieces(bytes.subarray(7)), 10);
      expect(await again.finish()).toEqual({ digest, sizeBytes: 10 });
    });

    it("names the offset at which it goes on", async () => {
      const upload = await one.blobs.openUpload(digest);
      await upload.append(0, pieces(bytes.subarray(0, 4)), 10);
      await expect(upload.append(2, pieces(bytes.subarray(2)), 10)).rejects.toMatchObject({
        code: "FAILED_PRECONDITION",
        message: expect.stringContaining("offset 4"),
      });
    });

    it("is for one connection at a time: the other loses", async () => {
      const first = await one.blobs.openUpload(digest);
      const second = await other.blobs.openUpload(digest);
      let goOn = () => {};
      const waiting = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      let began = () => {};
      const begun = new Promise<void>((resolve) => {
        began = resolve;
      });
      async function* slowly() {
        yield bytes.subarray(0, 5);
        began();
        await waiting;
        yield bytes.subarray(5);
      }
      const appended = first.append(0, slowly(), 10);
      await begun;
      await expect(second.append(0, pieces(bytes), 10)).rejects.toMatchObject({
        code: "ABORTED",
        message: expect.stringContaining("another connection"),
      });
      goOn();
      expect(await appended).toBe(10);
      expect(await first.finish()).toEqual({ digest, sizeBytes: 10 });
    });

    it("is dropped where it has other bytes or too many", async () => {
      const wrong = await one.blobs.openUpload(digest);
      await wrong.append(0, pieces(Buffer.from("9876543210")), 10);
      await expect(wrong.finish()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      const large = await one.blobs.openUpload(digest);
      expect(large.receivedBytes).toBe(0);
      await expect(large.append(0, pieces(bytes), 9)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
      const third = await other.blobs.openUpload(digest);
      expect(third.receivedBytes).toBe(0);
      await third.append(0, pieces(bytes), 10);
      await third.drop();
      expect((await one.blobs.openUpload(digest)).receivedBytes).toBe(0);
      expect(await one.blobs.has(digest)).toBe(false);
    });

    it("is complete from the start where the bytes are there", async () => {
      await one.blobs.put(pieces(bytes), { maxBytes: 10 });
      const upload = await other.blobs.openUpload(digest);
      expect(upload.receivedBytes).toBe(10);
      expect(await upload.finish()).toEqual({ digest, sizeBytes: 10 });
    });
  });

  describe("records", () => {
    it("count their generations from 1, and the kind counts all of them", async () => {
      const records = one.records<Note>("notes");
      expect(records.get("a")).toBeUndefined();
      expect(records.generation).toBe(0);
      const first = await records.commit("a", 0, { text: "one" }, { who: "ada" });
      expect(first).toMatchObject({
        generation: 1,
        value: { text: "one" },
        note: { who: "ada" },
      });
      await records.commit("a", 1, { text: "two" });
      await records.commit("b", 0, { text: "three" });
      expect(records.get("a")).toMatchObject({ generation: 2, value: { text: "two" } });
      expect(records.generation).toBe(3);
      expect([...records.all.keys()].toSorted()).toEqual(["a", "b"]);
    });

    it("tell other handles what changed when those ask", async () => {
      const [mine, theirs] = [one.records<Note>("notes"), other.records<Note>("notes")];
      await mine.commit("a", 0, { text: "one" });
      await mine.commit("a", 1, { text: "two" });
      await mine.commit("b", 0, { text: "three" });
      expect(theirs.get("a")).toBeUndefined();
      expect((await theirs.refresh()).toSorted()).toEqual(["a", "b"]);
      expect(theirs.get("a")).toEqual(mine.get("a"));
      expect(theirs.generation).toBe(3);
      expect(await theirs.refresh()).toEqual([]);
      expect(await mine.refresh()).toEqual([]);
    });

    it("let one of two win and tell the other which generation is there", async () => {
      const [mine, theirs] = [one.records<Note>("notes"), other.records<Note>("notes")];
      await mine.commit("a", 0, { text: "first" });
      await theirs.refresh();
      const outcomes = await Promise.allSettled([
        mine.commit("a", 1, { text: "mine" }),
        theirs.commit("a", 1, { text: "theirs" }),
        mine.commit("a", 1, { text: "mine too" }),
      ]);
      const won = outcomes.filter(({ status }) => status === "fulfilled");
      expect(won).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") continue;
        expect(outcome.reason).toMatchObject({
          code: "ABORTED",
          message: expect.stringContaining("generation 2 is there"),
        });
      }
      const [winner] = won as PromiseFulfilledResult<Versioned<Note>>[];
      await Promise.all([mine.refresh(), theirs.refresh()]);
      expect(mine.get("a")).toEqual(winner?.value);
      expect(theirs.get("a")).toEqual(winner?.value);
    });

    it("refuse a generation that is not there, older and newer ones", async () => {
      const records = one.records<Note>("notes");
      await records.commit("a", 0, { text: "one" });
      for (const expected of [0, 2, 77]) {
        await expect(records.commit("a", expected, { text: "x" })).rejects.toMatchObject({
          code: "ABORTED",
          message: expect.stringContaining("generation 1 is there"),
        });
      }
      await expect(records.commit("b", 3, { text: "x" })).rejects.toMatchObject({
        code: "ABORTED",
      });
      expect(records.get("a")).toMatchObject({ generation: 1, value: { text: "one" } });
    });

    it("go on counting after a removal", async () => {
      const records = one.records<Note>("notes");
      await records.commit("a", 0, { text: "one" });
      const removed = await records.commit("a", 1, undefined, { who: "ada" });
      expect(removed).toMatchObject({ generation: 2, value: undefined, note: { who: "ada" } });
      const reopened = (await pair.reopen()).records<Note>("notes");
      expect(reopened.get("a")).toEqual(removed);
      expect(await reopened.commit("a", 2, { text: "back" })).toMatchObject({ generation: 3 });
      await expect(records.commit("a", 0, { text: "x" })).rejects.toMatchObject({
        code: "ABORTED",
      });
    });

    it("keep the newest fifty generations", async () => {
      const records = one.records<Note>("notes");
      for (let at = 0; at < 60; at++) await records.commit("a", at, { text: `${at + 1}` });
      await other.records<Note>("notes").refresh();
      const history = await other.records<Note>("notes").history("a");
      expect(history.map(({ generation }) => generation)).toEqual(
        Array.from({ length: 49 }, (_, at) => 59 - at),
      );
      expect(history[0]?.value).toEqual({ text: "59" });
      // A number that is not kept any more is taken all the same.
      await expect(
        other.records<Note>("notes").commit("a", 3, { text: "x" }),
      ).rejects.toMatchObject({
        code: "ABORTED",
        message: expect.stringContaining("generation 60 is there"),
      });
    });

    it("have keys of any name", async () => {
      const keys = [
        "..",
        ".",
        "a/b",
        "50%",
        "Ünï/cødé",
        "a b",
        ".hidden",
        "x".repeat(255),
        "~",
        "%41",
      ];
      keys.push(`${"é".repeat(127)}a`, `${"é".repeat(127)}b`, "A", "con.json", "1.json");
      const records = one.records<Note>("notes");
      for (const key of keys) await records.commit(key, 0, { text: key });
      const reopened = (await pair.reopen()).records<Note>("notes");
      expect([...reopened.all.keys()].toSorted()).toEqual(keys.toSorted());
      for (const key of keys) expect(reopened.get(key)?.value).toEqual({ text: key });
      for (const key of ["", "a\0b"]) {
        await expect(records.commit(key, 0, { text: "" })).rejects.toMatchObject({
          code: "INVALID_ARGUMENT",
        });
      }
    });

    it("of different kinds do not meet", async () => {
      await one.records<Note>("notes").commit("a", 0, { text: "note" });
      await one.records<Note>("letters").commit("a", 0, { text: "letter" });
      const reopened = await pair.reopen();
      expect(reopened.records<Note>("notes").get("a")?.value).toEqual({ text: "note" });
      expect(reopened.records<Note>("letters").get("a")?.value).toEqual({ text: "letter" });
    });
  });

  describe("the log", () => {
    it("gives the newest entries first, of all handles", async () => {
      await one.log.append({ at: 1 });
      await other.log.append({ at: 2 });
      await one.log.append({ at: 3, text: "ä\n\u2028" });
      expect(await other.log.read(10)).toEqual([
        { at: 3, text: "ä\n\u2028" },
        { at: 2 },
        { at: 1 },
      ]);
      expect(await other.log.read(1)).toEqual([{ at: 3, text: "ä\n\u2028" }]);
      expect(await other.log.read(0)).toEqual([]);
      expect(await one.log.read(5, (entry) => "at" in entry && entry.at === 1)).toEqual([
        { at: 1 },
      ]);
    });

    it("keeps the order of one handle, also of entries that are appended at once", async () => {
      const entries = Array.from({ length: 3000 }, (_, at) => ({ at, text: "x".repeat(at % 300) }));
      await Promise.all(entries.map((entry) => one.log.append(entry)));
      expect(await one.log.read(3000)).toEqual(entries.toReversed());
    });
  });

  it("makes folders for other rooms, again the same", async () => {
    const path = await one.folder("keys");
    expect(await one.folder("keys")).toBe(path);
  });
}

export async function* pieces(...all: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* all;
}

async function* failing(bytes: Uint8Array, error: Error): AsyncGenerator<Uint8Array, void> {
  yield bytes;
  throw error;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
