/** Those during whose work nothing may be swept: a backup that copies what it has listed. */
import { readFile, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "./durable.ts";
import { parseOwner } from "./exclusive.ts";
import type { Layout } from "./layout.ts";
import { namesIn } from "./look.ts";
import { lives, newOwner, SIGN_OF_LIFE_MS } from "./owner.ts";

export async function holdOffSweeps(layout: Layout): Promise<{ release(): Promise<void> }> {
  await makeFolder(layout.holds);
  const owner = newOwner();
  const file = join(layout.holds, owner.token);
  await writeFile(file, JSON.stringify(owner), { flag: "wx" });
  const signs = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, SIGN_OF_LIFE_MS);
  signs.unref();
  return {
    async release() {
      clearInterval(signs);
      await unlink(file).catch(() => undefined);
    },
  };
}

/** Removes the holds of the dead. */
export async function sweepsAreHeldOff(layout: Layout): Promise<boolean> {
  let held = false;
  for (const name of await namesIn(layout.holds)) {
    const file = join(layout.holds, name);
    try {
      const [text, { mtimeMs }] = await Promise.all([readFile(file, "utf8"), stat(file)]);
      const owner = parseOwner(text);
      const silentMs = Date.now() - mtimeMs;
      // A file without an owner may be one that is being written.
      if (owner === undefined ? silentMs < SIGN_OF_LIFE_MS : lives(owner, silentMs)) held = true;
      else await unlink(file);
    } catch {
      // Let go meanwhile.
    }
  }
  return held;
}
