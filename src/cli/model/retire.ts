/** `model retire`: out of service for good. */
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { print } from "../output-option.ts";
import { printable } from "../table.ts";
import { ask, type ChangeOptions, changing, common, modelPath, NAME } from "./asking.ts";
import { parseName } from "./name.ts";

export function retireCommand(io: Io): Command {
  return changing(
    "retire",
    "Take every artifact of that name out of service for good. Ends after the last answer by one of them; where that " +
      "takes longer than the gateway's server.exitTimeoutSecs it ends with code UNAVAILABLE, and again waits on.",
  )
    .argument("<model>", NAME)
    .option("--reason <text>", "why, for the record", "")
    .action(async (model: string, options: ChangeOptions & { readonly reason: string }) => {
      const { name, ...artifact } = parseName(model);
      const body = { ...common(options, io), ...artifact, reason: options.reason };
      const answer = await ask(options, io, "POST", modelPath(name, "retire"), body);
      await print(io, options.output, answer, () => `${printable(model)} is retired\n`);
    });
}
