/** The flags that make up a configuration, for every command that needs one. */
import { type Command, Option } from "commander";
import { type Flag, flags } from "../config/flags.ts";
import { ConfigError, type LoadedConfig, loadConfig } from "../config/load.ts";
import { CliError, Exit, type Io } from "./io.ts";

const GROUPS = {
  own: "Options of beamgate:",
  triton: "Options of tritonserver:",
  ignored: "Options of tritonserver that are accepted and do nothing here:",
} as const;

/** Text of the argument and what a flag without one means. */
const ARGUMENT: Readonly<Record<Flag["kind"], { text: string; bare?: string }>> = {
  boolean: { text: "[bool]", bare: "true" },
  level: { text: "[level]", bare: "1" },
  text: { text: "<value>" },
  list: { text: "<value>" },
};

/**
 * Adds `--config` and every flag.
 * @returns what to call once the command line is parsed; throws CliError.
 */
export function addConfigOptions(command: Command, io: Io): () => LoadedConfig {
  const typed = new Map<string, string[]>();
  let file: string | undefined;
  const config = new Option("--config <file>", "YAML file with any of the keys in brackets below");
  command.addOption(
    config.helpGroup(GROUPS.own).argParser((value) => {
      file = value;
    }),
  );
  for (const flag of flags) {
    const { text, bare } = ARGUMENT[flag.kind];
    const option = new Option(`--${flag.name} ${text}`, flag.meaning)
      .helpGroup(
        flag.ignored !== undefined ? GROUPS.ignored : GROUPS[flag.triton ? "triton" : "own"],
      )
      .argParser((value) => {
        typed.set(flag.name, [...(typed.get(flag.name) ?? []), value]);
      });
    command.addOption(bare === undefined ? option : option.preset(bare));
  }
  return () => {
    try {
      return loadConfig({ flags: typed, env: io.env, file });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new CliError(Exit.usage, error.problems.join("\nerror: "), { cause: error });
    }
  };
}
