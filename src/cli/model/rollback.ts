/** `model rollback`: an alias points at what it pointed at before. */
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { print } from "../output-option.ts";
import { printable } from "../table.ts";
import { ask, type ChangeOptions, changing, common, modelPath } from "./asking.ts";
import { parseModel } from "./name.ts";

export function rollbackCommand(io: Io): Command {
  return changing(
    "rollback",
    "Point an alias at what it pointed at before. Ends when requests go there.",
  )
    .argument("<model>", "NAME")
    .option("--alias <alias>", "which one", "production")
    .action(async (model: string, options: ChangeOptions & { readonly alias: string }) => {
      const name = parseModel(model);
      const { alias } = options;
      const body = { ...common(options, io), alias };
      const answer = await ask(options, io, "POST", modelPath(name, "rollback"), body);
      await print(io, options.output, answer, () => {
        const { version } = answer as { readonly version?: unknown };
        return `${printable(`${name}:${version} is ${alias} again`)}\n`;
      });
    });
}
