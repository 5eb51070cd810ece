/** `key new`: an API key for somebody who has neither a certificate nor a token. */
import { appendFile } from "node:fs/promises";
import { Command } from "commander";
import { newApiKey } from "../tenants/api-keys.ts";
import { CliError, Exit, type Io } from "./io.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";

interface NewOptions {
  readonly file?: string;
  readonly comment?: string;
  readonly output: OutputFormat;
}

export function keyCommand(io: Io): Command {
  const make = new Command("new")
    .description(
      "Make an API key: shown once, for the header x-api-key. The gateway keeps only its hash.",
    )
    .option(
      "--file <keyFile>",
      "append the hash to this file of the gateway (keyFile in the tenants file)",
    )
    .option("--comment <text>", "whose it is, behind the hash")
    .addOption(outputOption())
    .action(async ({ file, comment, output }: NewOptions) => {
      const { key, line } = newApiKey();
      const whole = comment === undefined ? line : `${line} ${comment.replaceAll(/\s+/g, " ")}`;
      if (file !== undefined) await append(file, whole);
      await print(io, output, { key, line: whole, ...(file && { file }) }, () =>
        file === undefined ? `${key}\n${whole}\n` : `${key}\n`,
      );
    });
  return new Command("key").description("API keys of the gateway's callers.").addCommand(make);
}

async function append(file: string, line: string): Promise<void> {
  try {
    await appendFile(file, `${line}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new CliError(Exit.usage, `--file ${file}: ${(cause as Error).message}`, { cause });
  }
}
