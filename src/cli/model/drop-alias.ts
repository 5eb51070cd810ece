/** `model drop-alias`: ends a candidate, or another alias but production. */
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { print } from "../output-option.ts";
import { printable } from "../table.ts";
import { ask, type ChangeOptions, changing, common, modelPath } from "./asking.ts";
import { parseModel } from "./name.ts";

export function dropAliasCommand(io: Io): Command {
  return changing("drop-alias", "Take an alias away; the version stays as it is.")
    .argument("<model>", "NAME")
    .requiredOption("--alias <alias>", "which one")
    .action(async (model: string, options: ChangeOptions & { readonly alias: string }) => {
      const name = parseModel(model);
      const { alias } = options;
      const path = modelPath(name, "aliases", alias);
      const answer = await ask(options, io, "DELETE", path, common(options, io));
      const done = `${printable(name)} has no ${printable(alias)} any more\n`;
      await print(io, options.output, answer, () => done);
    });
}
