/**
 * Format 0, of the time before the first release: `<kind>/<key>/<n>.json` beside the blobs held the value alone,
 * and blobs lay in one folder, `blobs/<hex>`.
 */
import { mkdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, syncFolder, writeDurably } from "../durable.ts";
import { keyOfFolder, type Layout } from "../layout.ts";
import { namesIn } from "../look.ts";
import { fileNameOf, generationOf, writeRecord } from "../record-file.ts";

export async function fromBareRecords(layout: Layout): Promise<void> {
  await intoShards(layout);
  await mkdir(layout.records, { recursive: true });
  for (const kind of await kindsOf(layout)) await intoRecords(layout, kind);
  await syncFolder(layout.root);
}

async function intoShards(layout: Layout): Promise<void> {
  const flat = join(layout.root, "blobs");
  for (const name of await namesIn(flat)) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    await makeFolder(layout.shard(name));
    await rename(join(flat, name), layout.blob(name));
    await syncFolder(layout.shard(name));
  }
}

/** Folders at the root that hold folders of numbered files. */
async function kindsOf(layout: Layout): Promise<string[]> {
  const kinds: string[] = [];
  for (const name of await namesIn(layout.root)) {
    const path = join(layout.root, name);
    const own = [layout.records, layout.temporary, layout.uploads, layout.upgradeLock];
    if (own.includes(path) || name === "blobs") continue;
    const [key] = await namesIn(path);
    if (key === undefined) continue;
    const files = await namesIn(join(path, key));
    if (files.some((file) => generationOf(file) !== undefined)) kinds.push(name);
  }
  return kinds;
}

async function intoRecords(layout: Layout, kind: string): Promise<void> {
  const old = join(layout.root, kind);
  for (const folder of await namesIn(old)) {
    await makeFolder(join(layout.kind(kind), folder));
    for (const file of await namesIn(join(old, folder))) {
      const generation = generationOf(file);
      if (generation === undefined) continue;
      await wrap(layout, kind, folder, generation);
    }
    await syncFolder(join(layout.kind(kind), folder));
  }
  await rename(old, layout.newTemporary(`format-0-${kind}`));
}

async function wrap(layout: Layout, kind: string, folder: string, generation: number) {
  const from = join(layout.root, kind, folder, fileNameOf(generation));
  const to = join(layout.kind(kind), folder, fileNameOf(generation));
  const text = await readFile(from, "utf8");
  const at = (await stat(from)).mtime.toISOString();
  const key = keyOfFolder(folder);
  // What was damaged before stays so: its number is taken, and an older state must not come back.
  const bytes = isJson(text)
    ? writeRecord({ key, generation, at, value: JSON.parse(text) ?? undefined })
    : text;
  const temporary = layout.newTemporary("record");
  await writeDurably(temporary, bytes);
  await rename(temporary, to);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
