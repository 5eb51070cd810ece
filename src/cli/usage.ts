/** `usage`: who used what, from the ledger of a running gateway. */
import { Command, Option } from "commander";
import { type HourlyUsage, type UsageStep, usageCsv } from "../inference/usage.ts";
import { type GatewayOptions, gatewayAddress, gatewayOptions } from "./gateway-address.ts";
import { askGateway } from "./gateway-client.ts";
import { CliError, Exit, type Io } from "./io.ts";
import { print } from "./output-option.ts";
import { table } from "./table.ts";

interface Options extends GatewayOptions {
  readonly output: "csv" | "json" | "table" | "yaml";
  readonly from: string;
  readonly to?: string;
  readonly by: UsageStep;
  readonly tenant?: string;
}

export function usageCommand(io: Io): Command {
  const command = new Command("beamgate usage")
    .description(
      "Tell who used what: requests, rows, bytes, device time, energy where it is measured, and refusals, by tenant, model and kind of device.",
    )
    .option(
      "--from <time>",
      "2026-11-01, 2026-11-28T12:00Z, or so long ago: 90m, 24h, 7d; its whole hour counts",
      "24h",
    )
    .option("--to <time>", "the same, not counted any more (default: now)")
    .addOption(
      new Option("--by <step>", "lines of").choices(["hour", "day", "total"]).default("total"),
    )
    .option("--tenant <name>", "of this one only")
    .addOption(
      new Option("-o, --output <format>", "how the result is printed")
        .choices(["table", "csv", "json", "yaml"])
        .default("table"),
    );
  for (const option of gatewayOptions()) command.addOption(option);
  return command.action(async (options: Options) => {
    const query = new URLSearchParams({ from: timeText(options.from, "--from"), by: options.by });
    if (options.to !== undefined) query.set("to", timeText(options.to, "--to"));
    if (options.tenant !== undefined) query.set("tenant", options.tenant);
    const path = `/v2/beamgate/usage?${query}`;
    const lines = (await askGateway(
      await gatewayAddress(options, io),
      "GET",
      path,
    )) as HourlyUsage[];
    if (options.output === "csv") io.out(usageCsv(lines, options.by));
    else await print(io, options.output, lines, () => `${asTable(lines)}\n`);
  });
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function timeText(text: string, flag: string): string {
  const [, number, unit = ""] = /^(\d+)([mhd])$/.exec(text) ?? [];
  if (number !== undefined) {
    return new Date(Date.now() - Number(number) * (UNITS[unit] ?? 0)).toISOString();
  }
  if (Number.isNaN(Date.parse(text))) {
    throw new CliError(
      Exit.usage,
      `${flag} ${text}: expected a time such as 2026-11-28T12:00Z or 24h`,
    );
  }
  return text;
}

const HEAD = [
  ...["TIME", "TENANT", "MODEL", "VARIANT", "DEVICE", "REQUESTS", "ROWS", "IN", "OUT"],
  ...["DEVICE S", "JOULES", "REFUSED"],
];

function asTable(lines: readonly HourlyUsage[]): string {
  return table(
    HEAD,
    lines.map((line) => [
      line.hour || "all",
      line.tenant,
      line.model === "" ? "-" : `${line.model}/${line.version}`,
      line.variant || "-",
      line.device || "-",
      String(line.requests),
      String(line.rows),
      String(line.bytesIn),
      String(line.bytesOut),
      line.deviceSeconds.toFixed(3),
      energy(line),
      refusals(line.refused),
    ]),
  );
}

/** Of how much of the time it is, where not of all. */
function energy({ joules, measuredSeconds, deviceSeconds }: HourlyUsage): string {
  if (joules === null || joules === undefined) return "-";
  const percent = Math.round((100 * measuredSeconds) / deviceSeconds);
  return percent >= 100 ? joules.toFixed(1) : `${joules.toFixed(1)} (in ${percent} % of it)`;
}

function refusals(refused: HourlyUsage["refused"]): string {
  const told = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
  return told.join(", ") || "-";
}
