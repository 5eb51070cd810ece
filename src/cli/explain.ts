/** `explain`: why a request went to its device and into its batch. */
import { Command } from "commander";
import { type GatewayOptions, gatewayAddress, gatewayOptions } from "./gateway-address.ts";
import { askGateway } from "./gateway-client.ts";
import type { Io } from "./io.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import { table } from "./table.ts";

interface Options extends GatewayOptions {
  readonly output: OutputFormat;
}

export function explainCommand(io: Io): Command {
  const command = new Command("beamgate explain")
    .description(
      "Tell why a request went to its device and into its batch. The gateway remembers the newest requests that " +
        "had an id of their own.",
    )
    .argument("<request-id>", "the id that the client gave it")
    .addOption(outputOption());
  for (const option of gatewayOptions()) command.addOption(option);
  return command.action(async (id: string, options: Options) => {
    const path = `/v2/beamgate/explain/${encodeURIComponent(id)}`;
    const answer = await askGateway(await gatewayAddress(options, io), "GET", path);
    await print(io, options.output, answer, () => `${table(["FIELD", "VALUE"], rowsOf(answer))}\n`);
  });
}

/** `batch.rows` and its value; lists of plain values on one line. */
function rowsOf(value: unknown, path = ""): string[][] {
  if (typeof value !== "object" || value === null) return [[path, String(value)]];
  const below = path === "" ? "" : `${path}.`;
  if (Array.isArray(value) && value.every((each) => typeof each !== "object")) {
    return [[path, value.join(", ") || "none"]];
  }
  return Object.entries(value).flatMap(([name, member]) => rowsOf(member, below + name));
}
