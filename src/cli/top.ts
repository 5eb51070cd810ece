/** `top`: what a running gateway does just now. */
import { Command } from "commander";
import {
  type GatewayAddress,
  type GatewayOptions,
  gatewayAddress,
  gatewayOptions,
} from "./gateway-address.ts";
import { CliError, Exit, type Io } from "./io.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import type { Terminal } from "./terminal.ts";
import { type Figures, figuresBetween } from "./top/figures.ts";
import { timeText, watch } from "./top/live.ts";
import { takeSample, usageFrom } from "./top/sample.ts";
import { screen } from "./top/screen.ts";

interface Options extends GatewayOptions {
  readonly output: OutputFormat;
  readonly once?: true;
  readonly interval: number;
}

export function topCommand(io: Io): Command {
  const command = new Command("beamgate top")
    .description(
      "Show what a running gateway does: models, devices and tenants, busiest first. In a terminal it is drawn again " +
        "every interval (space: freeze, q: quit); else, with --once or -o, the figures of one interval are printed.",
    )
    .option("--once", "print the figures of one interval, and end")
    .option("--interval <time>", "over which rates are taken: 500ms, 1s, 5s", interval, 1000)
    .addOption(outputOption());
  for (const option of gatewayOptions()) command.addOption(option);
  return command.action(async (options: Options) => {
    const gateway = await gatewayAddress(options, io);
    const { terminal } = io;
    if (terminal === undefined || options.once || options.output !== "table") {
      await printOnce(gateway, options, io, terminal);
    } else await watch(gateway, options.interval, terminal, io);
  });
}

const LONGEST_MS = 3_600_000;

function interval(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
  const ms = Number(number) * (unit === "s" ? 1000 : 1);
  if (ms >= 100 && ms <= LONGEST_MS) return ms;
  throw new CliError(Exit.usage, `--interval ${text}: expected 100ms … 3600s`);
}

async function printOnce(
  gateway: GatewayAddress,
  { interval, output }: Options,
  io: Io,
  terminal: Terminal | undefined,
): Promise<void> {
  const from = usageFrom();
  const before = await takeSample(gateway, from);
  await new Promise((resolve) => setTimeout(resolve, interval));
  const figures: Figures = figuresBetween(before, await takeSample(gateway, from));
  const told = { origin: gateway.url.origin, time: timeText() };
  // Whatever reads a pipe or a file has all the room it wants.
  const columns = terminal?.size().columns ?? Number.POSITIVE_INFINITY;
  const size = { columns, rows: Number.POSITIVE_INFINITY };
  await print(io, output, { ...told, ...figures }, () => {
    return `${screen(figures, told, size, io.colour).join("\n")}\n`;
  });
}
