/** `who`: whom the gateway takes you for, and what you may do there. */
import { Command } from "commander";
import type { WhoReport } from "../inference/who-report.ts";
import { type GatewayOptions, gatewayAddress, gatewayOptions } from "./gateway-address.ts";
import { askGateway } from "./gateway-client.ts";
import type { Io } from "./io.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import { printable } from "./table.ts";

interface Options extends GatewayOptions {
  readonly output: OutputFormat;
}

export function whoCommand(io: Io): Command {
  const command = new Command("beamgate who")
    .description(
      "Say whom the gateway takes you for: by the certificate, the token, or what else this command shows of you.",
    )
    .addOption(outputOption());
  for (const option of gatewayOptions()) command.addOption(option);
  return command.action(async (options: Options) => {
    const address = await gatewayAddress(options, io);
    const answer = (await askGateway(address, "GET", "/v2/beamgate/who")) as WhoReport;
    await print(io, options.output, answer, () => asText(answer));
  });
}

function asText({ asked, subject, how, tenant, roles, models }: WhoReport): string {
  if (!asked) return "This gateway asks nobody who he is: anybody may do everything.\n";
  const lines = [
    ["you are", subject],
    ["by", how],
    ["of tenant", tenant],
    ["and may", listOf(roles)],
    ["with models", listOf(models)],
  ];
  return lines.map(([what, said]) => `${what?.padEnd(12)} ${printable(String(said))}\n`).join("");
}

function listOf(words: unknown): string {
  return Array.isArray(words) ? words.join(", ") : "";
}
