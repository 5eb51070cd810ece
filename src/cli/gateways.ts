/** `gateways ls`: which gateways serve together. */
import { Command } from "commander";
import type { ClusterReport } from "../inference/gateway-report.ts";
import { type GatewayOptions, gatewayAddress, gatewayOptions } from "./gateway-address.ts";
import { askGateway } from "./gateway-client.ts";
import type { Io } from "./io.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import { table } from "./table.ts";

interface Options extends GatewayOptions {
  readonly output: OutputFormat;
}

const REDIS: Readonly<Record<string, string>> = {
  off: "This gateway shares nothing with others (redis.url names no Redis).",
  degraded: "Redis does not do its work: this is the list as it was last known.",
  down: "Redis is away: this is the list as it was last known.",
};

export function gatewaysCommand(io: Io): Command {
  const ls = new Command("ls")
    .description("List the gateways that share a Redis with the one that is asked.")
    .addOption(outputOption());
  for (const option of gatewayOptions()) ls.addOption(option);
  ls.action(async (options: Options) => {
    const address = await gatewayAddress(options, io);
    const answer = (await askGateway(address, "GET", "/v2/beamgate/gateways")) as ClusterReport;
    await print(io, options.output, answer, () => asText(answer));
  });
  return new Command("beamgate gateways").addCommand(ls);
}

function asText({ redis, gateways, listAgeSeconds }: ClusterReport): string {
  const rows = gateways.map(({ id, address, version, since, self }) => {
    return [id, address, version, since, self ? "*" : ""];
  });
  const listed = `${table(["ID", "ADDRESS", "VERSION", "SINCE", "ASKED"], rows)}\n`;
  const remark = REDIS[redis];
  if (remark === undefined) return listed;
  const age = redis === "off" ? "" : ` It is ${listAgeSeconds.toFixed(0)} s old.`;
  return `${listed}\n${remark}${age}\n`;
}
