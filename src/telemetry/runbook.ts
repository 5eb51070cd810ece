/** The pages of `runbook/`: what to do when an alert of `rules/` fires. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../package-root.ts";

/** Markdown by name. */
export type Runbook = ReadonlyMap<string, string>;

const FOLDER = join(packageRoot, "src", "telemetry", "runbook");
const SUFFIX = ".md";

export function readRunbook(folder: string = FOLDER): Runbook {
  const names = readdirSync(folder).filter((file) => file.endsWith(SUFFIX));
  return new Map(
    names
      .sort()
      .map((file) => [file.slice(0, -SUFFIX.length), readFileSync(join(folder, file), "utf8")]),
  );
}
