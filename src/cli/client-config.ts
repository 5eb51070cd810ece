/** The configuration of a gateway as a command that only talks to it reads it. */
import { type Config, ConfigError, loadConfig } from "../config/load.ts";
import { CliError, Exit } from "./io.ts";

/** @throws CliError with every problem */
export function loadForClient(file: string | undefined, env: NodeJS.ProcessEnv): Config {
  try {
    return loadConfig({ flags: new Map(), env, file }).config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CliError(Exit.usage, error.problems.join("\nerror: "), { cause: error });
  }
}
