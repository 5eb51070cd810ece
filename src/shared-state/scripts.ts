/** The scripts that Redis runs, each as a whole between two commands of others: the files of `scripts/`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../package-root.ts";

/** Name of the file, and how many of its arguments are keys. */
export const SCRIPTS = {
  announce: { file: "announce.lua", keys: 2 },
  leave: { file: "leave.lua", keys: 2 },
  leaseSlices: { file: "lease-slices.lua", keys: 1 },
  shareCounts: { file: "share-counts.lua", keys: 3 },
  takeLease: { file: "take-lease.lua", keys: 1 },
  releaseLease: { file: "release-lease.lua", keys: 1 },
} as const;

export type ScriptName = keyof typeof SCRIPTS;

export function scriptText(name: ScriptName): string {
  return textOf("own.lua") + textOf(SCRIPTS[name].file);
}

function textOf(file: string): string {
  return readFileSync(join(packageRoot, "src", "shared-state", "scripts", file), "utf8");
}
