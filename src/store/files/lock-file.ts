/** One process at a time: a file that names who holds it. A dead holder's lock is taken over. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { codeOf, toStoreError } from "./durable.ts";

/** @returns gives it back; undefined: a process that lives has it */
export async function tryLock(path: string): Promise<(() => Promise<void>) | undefined> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      await writeFile(path, String(process.pid), { flag: "wx", mode: 0o600 });
      return () => rm(path, { force: true });
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST") throw toStoreError(cause, path);
      const holder = Number(await readFile(path, "utf8").catch(() => ""));
      if (holder === process.pid || isAlive(holder)) return undefined;
      await rm(path, { force: true });
    }
  }
  return undefined;
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return codeOf(cause) === "EPERM";
  }
}
