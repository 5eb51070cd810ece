/** The command line in this process, with what it wrote. */
import type { Io } from "../../src/cli/io.ts";
import { main } from "../../src/cli/main.ts";

export interface CliRun {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** @param env all of it: nothing of this process's is seen */
export async function runCli(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  told: Partial<Pick<Io, "colour" | "interactive">> = {},
): Promise<CliRun> {
  const said = { out: "", err: "" };
  const exitCode = await main(argv, {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    env,
    colour: false,
    ...told,
  });
  return { exitCode, ...said };
}
