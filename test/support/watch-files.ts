/** Names of files that this process asks the system for, while it is watched: by any function of `node:fs`. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type AnyFunction = (...given: unknown[]) => unknown;
const NAMED =
  /^(open|read|write|append|stat|lstat|access|exists|opendir|readdir|readlink|realpath|rename|rm|unlink|mkdir|mkdtemp|copyFile|cp|symlink|link|createReadStream|createWriteStream|truncate|chmod|chown|utimes|watch)/;
const NOT_NAMED = /^(read|write|readv|writev)(Sync)?$/;
const TWO_NAMES = /^(rename|copyFile|cp|symlink|link)/;

export interface WatchedFiles {
  readonly paths: ReadonlySet<string>;
  stop(): void;
}

export function watchFiles(): WatchedFiles {
  const paths = new Set<string>();
  const restore: (() => void)[] = [];
  for (const owner of [fs, fs.promises] as unknown as Record<string, AnyFunction>[]) {
    for (const [name, original] of Object.entries(owner)) {
      if (typeof original !== "function" || !NAMED.test(name) || NOT_NAMED.test(name)) continue;
      const watched = function (this: unknown, ...given: unknown[]) {
        for (const path of given.slice(0, TWO_NAMES.test(name) ? 2 : 1)) {
          if (typeof path === "string" || path instanceof Uint8Array || path instanceof URL) {
            paths.add(String(path));
          }
        }
        return original.apply(this, given);
      };
      owner[name] = Object.assign(watched, original);
      restore.push(() => {
        owner[name] = original;
      });
    }
  }
  syncBuiltinESMExports();
  return {
    paths,
    stop() {
      for (const undo of restore) undo();
      syncBuiltinESMExports();
    },
  };
}
