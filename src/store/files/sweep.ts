/** Removing what nobody needs, while others write. */
import { rename, rm, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { isErrno, linkNew } from "./durable.ts";
import { hold } from "./exclusive.ts";
import type { Layout } from "./layout.ts";
import { namesIn, touchedAt } from "./look.ts";

/**
 * Blobs that `keep` does not name and that were last touched before `before` (wall clock, ms).
 *
 * Whoever puts a blob that is there touches it. So that none goes between touch and commit, it is moved
 * aside first and looked at once more: touched meanwhile, it comes back.
 * @returns their digests
 */
export async function sweepBlobs(
  layout: Layout,
  before: number,
  keep: ReadonlySet<string>,
): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const shard of await namesIn(layout.blobs)) {
    for (const hex of await namesIn(join(layout.blobs, shard))) {
      const digest = `sha256:${hex}`;
      if (!/^[0-9a-f]{64}$/.test(hex) || keep.has(digest)) continue;
      if (!(await olderThan(layout.blob(hex), before))) continue;
      if (await removeBlob(layout, hex, before)) removed.push(digest);
    }
  }
  return removed;
}

async function removeBlob(layout: Layout, hex: string, before: number): Promise<boolean> {
  const aside = layout.newTemporary(`swept-${hex}`);
  try {
    await rename(layout.blob(hex), aside);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return false;
    throw thrown;
  }
  const gone = await olderThan(aside, before);
  if (!gone) await linkNew(aside, layout.blob(hex));
  await unlink(aside);
  return gone;
}

/**
 * What processes that died have left in `tmp/`.
 * @param writing what this process writes
 */
export async function sweepTemporary(
  layout: Layout,
  before: number,
  writing: ReadonlySet<string>,
): Promise<void> {
  for (const name of await namesIn(layout.temporary)) {
    const path = join(layout.temporary, name);
    if (writing.has(path) || !(await olderThan(path, before))) continue;
    const [, hex] = /^swept-([0-9a-f]{64})-/.exec(name) ?? [];
    // The sweeper died between its two looks: it is decided anew, from its place.
    if (hex !== undefined) await linkNew(path, layout.blob(hex));
    await rm(path, { recursive: true, force: true });
  }
}

/** Uploads that were given up. */
export async function sweepUploads(layout: Layout, before: number): Promise<void> {
  for (const hex of await namesIn(layout.uploads)) {
    const path = layout.upload(hex);
    const touched = (await touchedAt(join(path, "data"))) ?? (await touchedAt(path));
    if (touched === undefined || touched >= before) continue;
    const got = await hold(layout, join(path, "lock"));
    if ("holder" in got) continue;
    await dropFolder(layout, path);
    got.held.forget();
  }
}

/** Gone for all who come later at once, whatever is in it. */
export async function dropFolder(layout: Layout, path: string): Promise<void> {
  const aside = layout.newTemporary(`dropped-${basename(path)}`);
  try {
    await rename(path, aside);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return;
    throw thrown;
  }
  await rm(aside, { recursive: true, force: true });
}

/** False for what is gone. */
async function olderThan(path: string, before: number): Promise<boolean> {
  const touched = await touchedAt(path);
  return touched !== undefined && touched < before;
}
