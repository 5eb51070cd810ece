/** `model rm`: forgets what is retired or refused. */
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { print } from "../output-option.ts";
import { printable } from "../table.ts";
import { ask, type ChangeOptions, changing, common, modelPath, NAME } from "./asking.ts";
import { parseName } from "./name.ts";

export function rmCommand(io: Io): Command {
  return changing(
    "rm",
    "Forget artifacts that are retired or refused; NAME alone is the whole model. Bytes that nothing names any more are removed later.",
  )
    .argument("<model>", NAME)
    .action(async (model: string, options: ChangeOptions) => {
      const { name, ...artifact } = parseName(model);
      const body = { ...common(options, io), ...artifact };
      const answer = await ask(options, io, "DELETE", modelPath(name), body);
      await print(io, options.output, answer, () => `${printable(model)} is removed\n`);
    });
}
