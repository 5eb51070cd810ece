import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { storeFolders } from "../../../test/support/store-folder.ts";
import { pieces } from "../conformance.ts";
import { openFileStore } from "./file-store.ts";

const newFolder = storeFolders();
const mounted: string[] = [];

/** A disk of its own; undefined where this user may not mount one. */
function smallDisk(size: string): string | undefined {
  const folder = newFolder();
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", folder], {
      stdio: "ignore",
    });
  } catch {
    return undefined;
  }
  mounted.push(folder);
  return folder;
}

const disk = smallDisk("2m");

afterAll(() => {
  for (const folder of mounted) execFileSync("umount", [folder]);
});

describe.skipIf(disk === undefined)("a full disk (skipped where no tmpfs can be mounted)", () => {
  it("refuses puts, commits and log entries, keeps nothing half, and goes on when there is room", async () => {
    const folder = join(disk ?? "", "store");
    const store = await openFileStore(folder);
    const notes = store.records<{ text: string }>("notes");
    await notes.commit("a", 0, { text: "before" });
    await store.log.append({ n: 1 });
    const full = { code: "RESOURCE_EXHAUSTED", message: expect.stringContaining("make room") };

    const large = Buffer.alloc(3 * 2 ** 20, 1);
    await expect(store.blobs.put(pieces(large), { maxBytes: large.length })).rejects.toMatchObject(
      full,
    );
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
    expect(readdirSync(join(folder, "blobs", "sha256"))).toEqual([]);

    const filler = join(disk ?? "", "filler");
    await writeFile(filler, Buffer.alloc(3 * 2 ** 20)).catch(() => undefined);
    await expect(notes.commit("a", 1, { text: "x".repeat(10_000) })).rejects.toMatchObject(full);
    await expect(notes.commit("b", 0, { text: "x".repeat(10_000) })).rejects.toMatchObject(full);
    await expect(store.log.append({ text: "x".repeat(10_000) })).rejects.toMatchObject(full);
    expect(notes.get("a")).toMatchObject({ generation: 1, value: { text: "before" } });
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);

    await rm(filler);
    const reopened = await openFileStore(folder);
    expect([...reopened.records("notes").all.keys()]).toEqual(["a"]);
    expect(reopened.records("notes").damaged.size).toBe(0);
    expect(await notes.commit("a", 1, { text: "after" })).toMatchObject({ generation: 2 });
    expect(await notes.commit("b", 0, { text: "after" })).toMatchObject({ generation: 1 });
    await store.log.append({ n: 2 });
    expect(await store.log.read(9)).toEqual([{ n: 2 }, { n: 1 }]);
    expect((await reopened.records("notes").refresh()).toSorted()).toEqual(["a", "b"]);
  });

  it("lets an upload that it refused go on once there is room", async () => {
    const folder = join(disk ?? "", "uploads");
    const { blobs } = await openFileStore(folder);
    const bytes = Buffer.alloc(100_000, 7);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const upload = await blobs.openUpload(digest);
    const filler = join(disk ?? "", "filler");
    const fill = async function* () {
      // After the upload is this connection's: there is no room even for the word that it ended.
      await writeFile(filler, Buffer.alloc(3 * 2 ** 20)).catch(() => undefined);
      yield bytes;
    };
    await expect(upload.append(0, fill(), bytes.length)).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: expect.stringContaining("make room"),
    });
    await rm(filler);
    const again = await blobs.openUpload(digest);
    const rest = pieces(bytes.subarray(again.receivedBytes));
    expect(await again.append(again.receivedBytes, rest, bytes.length)).toBe(bytes.length);
    expect(await again.finish()).toMatchObject({ digest });
  });
});
