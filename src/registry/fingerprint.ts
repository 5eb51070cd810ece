/**
 * Whether anything in a model's folder changed, without reading the weights:
 * names, sizes and times of the files, and the text of the configuration (a
 * network file system may round times to seconds).
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { MAX_CONFIG_BYTES } from "./config-pbtxt.ts";

/** Version folder, a folder of weights beside the graph, and what lies in it. */
const MAX_DEPTH = 4;
const MAX_FILES = 10_000;

/** Equal texts: nothing changed. */
export async function fingerprint(folders: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  const budget = { files: MAX_FILES };
  for (const folder of folders) {
    hash.update(`${folder}\n`);
    await addFolder(folder, MAX_DEPTH);
  }
  return hash.digest("hex");

  async function addFolder(folder: string, depth: number): Promise<void> {
    const names = await readdir(folder).catch((): string[] => []);
    for (const name of names.sort()) {
      if (budget.files-- <= 0) return;
      const path = join(folder, name);
      // A file that vanished meanwhile is a change like any other.
      const facts = await stat(path).catch(() => undefined);
      if (facts === undefined) hash.update(`${path} gone\n`);
      else if (facts.isDirectory()) {
        hash.update(`${path}/\n`);
        if (depth > 0) await addFolder(path, depth - 1);
      } else {
        hash.update(`${path} ${facts.size} ${facts.mtimeMs} ${facts.ino}\n`);
        if (name.endsWith(".pbtxt") && facts.size <= MAX_CONFIG_BYTES) {
          hash.update(await readFile(path).catch(() => ""));
        }
      }
    }
  }
}
