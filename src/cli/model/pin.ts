/** `model pin`, `model unpin`: an artifact that is not to be retired. */
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { print } from "../output-option.ts";
import { printable } from "../table.ts";
import { ask, type ChangeOptions, changing, common, modelPath, NAME } from "./asking.ts";
import { parseName } from "./name.ts";

export function pinCommand(io: Io): Command {
  return changing(
    "pin",
    "Keep an artifact: it is neither retired nor removed until it is unpinned.",
  )
    .argument("<model>", NAME)
    .option("--note <text>", "why, for those who wonder later", "")
    .action(async (model: string, options: ChangeOptions & { readonly note: string }) => {
      const { name, ...artifact } = parseName(model);
      const body = { ...common(options, io), ...artifact, note: options.note };
      const answer = await ask(options, io, "POST", modelPath(name, "pin"), body);
      await print(io, options.output, answer, () => `${printable(model)} is pinned\n`);
    });
}

export function unpinCommand(io: Io): Command {
  return changing("unpin", "Let a pinned artifact be retired again.")
    .argument("<model>", NAME)
    .action(async (model: string, options: ChangeOptions) => {
      const { name, ...artifact } = parseName(model);
      const body = { ...common(options, io), ...artifact };
      const answer = await ask(options, io, "POST", modelPath(name, "unpin"), body);
      await print(io, options.output, answer, () => `${printable(model)} is not pinned any more\n`);
    });
}
