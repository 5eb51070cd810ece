/** Class names of outputs: the files that `label_filename` names, one name per line. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../errors.ts";
import type { ModelConfigFields } from "./model-config.ts";

export type Labels = ReadonlyMap<string, readonly string[]>;

/**
 * By output name.
 * @throws StatusError INVALID_ARGUMENT where a file cannot be read
 */
export async function readLabels(config: ModelConfigFields, folder: string): Promise<Labels> {
  const labels = new Map<string, readonly string[]>();
  for (const { name = "", label_filename: file = "" } of config.output ?? []) {
    if (file === "") continue;
    const text = await readFile(join(folder, file), "utf8").catch((cause: unknown) => {
      throw new StatusError(
        "INVALID_ARGUMENT",
        `label file '${file}' of output '${name}' of model '${config.name ?? ""}' cannot be read`,
        { cause },
      );
    });
    const lines = text.split(/\r?\n/);
    if (lines.at(-1) === "") lines.pop();
    labels.set(name, lines);
  }
  return labels;
}
