/** `config check`: the merged configuration, and where each value comes from. */
import { Command } from "commander";
import { describeConfig } from "../config/describe.ts";
import { addConfigOptions } from "./config-options.ts";
import type { Io } from "./io.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import { table } from "./table.ts";

export function configCommand(io: Io): Command {
  const check = new Command("check")
    .description("check flags, environment and file, and show what they come to")
    .addOption(outputOption());
  const load = addConfigOptions(check, io);
  check.action(async ({ output }: { output: OutputFormat }) => {
    const loaded = load();
    const described = describeConfig(loaded);
    for (const warning of loaded.warnings) io.err(`warning: ${warning}\n`);
    await print(io, output, { keys: described, warnings: loaded.warnings }, () => {
      const rows = described.map(({ key, value, unit, origin }) => [
        key,
        shown(value, unit),
        origin,
      ]);
      return `${table(["KEY", "VALUE", "ORIGIN"], rows)}\n`;
    });
  });
  return new Command("beamgate config").addCommand(check);
}

function shown(value: unknown, unit: string | undefined): string {
  if (value === undefined) return "-";
  const text = typeof value === "string" && value !== "" ? value : JSON.stringify(value);
  return unit === undefined ? text : `${text} ${unit}`;
}
