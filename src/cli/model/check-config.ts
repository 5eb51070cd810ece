/** `model check-config`: reads a model's configuration as the server would. */
import { Command, Option } from "commander";
import { type CheckedConfig, checkConfig } from "../../registry/check-config.ts";
import { backendModules } from "../../wiring/backend-modules.ts";
import { Exit, type Io } from "../io.ts";
import { type OutputFormat, outputOption, print } from "../output-option.ts";
import { printable, table } from "../table.ts";

interface Options {
  readonly output: OutputFormat;
  readonly disableAutoCompleteConfig?: true;
}

export function checkConfigCommand(io: Io, exit: (code: number) => void): Command {
  const check = new Command("check-config")
    .description(
      "Check a config.pbtxt on its own, or a model's folder against its files, and print what a " +
        "server would make of it. Exit code 3 where it would be refused.",
    )
    .argument("<path>", "a config.pbtxt, or a model's folder")
    .addOption(outputOption())
    .addOption(
      new Option("--disable-auto-complete-config", "complete nothing, as the server's flag does"),
    );
  check.action(async (path: string, { output, disableAutoCompleteConfig }: Options) => {
    const autoComplete = disableAutoCompleteConfig !== true;
    const checked = await checkConfig(path, await backendModules([]), autoComplete);
    if (checked.problems.length > 0) exit(Exit.refused);
    await show(checked, output, io);
  });
  return check;
}

/** JSON is the configuration itself, or `{"problems": [...]}`; the words also go where people look. */
async function show(
  { config, problems, warnings }: CheckedConfig,
  output: OutputFormat,
  io: Io,
): Promise<void> {
  for (const warning of warnings) io.err(`warning: ${printable(warning)}\n`);
  for (const problem of problems) io.err(`error: ${printable(problem)}\n`);
  await print(io, output, problems.length > 0 ? { problems } : config, () => {
    if (problems.length > 0 || config === undefined) return "";
    const rows = Object.entries(config).map(([field, value]) => [field, JSON.stringify(value)]);
    return `${table(["FIELD", "VALUE"], rows)}\n`;
  });
}
