/** `device ls|describe|drain|undrain`: what boards there are, and out of service with them. */
import { Command, Option } from "commander";
import { loadConfig } from "../config/load.ts";
import type { DeviceReport } from "../inference/device-report.ts";
import { probeDevices } from "../wiring/probe-devices.ts";
import { askGateway, NoGateway } from "./gateway-client.ts";
import { CliError, Exit, type Io } from "./io.ts";
import { asJson, type OutputFormat, outputOption } from "./output-option.ts";
import { printable, table } from "./table.ts";

interface Options {
  readonly output: OutputFormat;
  readonly url?: string;
  readonly config?: string;
}

const DEVICES = "/v2/beamgate/devices";

export function deviceCommand(io: Io, exit: (code: number) => void): Command {
  const command = (words: string, description: string) =>
    new Command(words)
      .description(description)
      .addOption(outputOption())
      .addOption(new Option("--url <host:port>", "HTTP port of the gateway to ask"))
      .addOption(new Option("--config <file>", "its configuration, for the port and the backends"));

  const ls = command(
    "ls",
    "List the devices of a running gateway. Where none runs and none is named: those of this host, " +
      "emulated ones as soon as their libraries are installed, whether the configuration uses them or not.",
  ).action(async (options: Options) => {
    const devices = await list(options, io);
    io.out(options.output === "json" ? asJson(devices) : `${asTable(devices)}\n`);
  });

  const describe = command("describe", "Tell everything about one device.")
    .argument("<device>", "its id")
    .action(async (id: string, options: Options) => {
      const device = (await list(options, io)).find((each) => each.id === id);
      if (device === undefined) throw new CliError(Exit.failed, `there is no device '${id}'`);
      io.out(options.output === "json" ? asJson(device) : `${asRows(device)}\n`);
    });

  const act = (action: "drain" | "undrain", description: string) =>
    command(action, description)
      .argument("<device>", "its id")
      .action(async (id: string, options: Options) => {
        const path = `${DEVICES}/${encodeURIComponent(id)}/${action}`;
        const answer = await asked(options, io, "POST", path);
        if (options.output === "json") io.out(asJson(answer));
        else
          io.out(`${printable(id)} ${action === "drain" ? "is drained" : "is in service again"}\n`);
        exit(Exit.ok);
      });

  return new Command("beamgate device")
    .addCommand(ls)
    .addCommand(describe)
    .addCommand(act("drain", "Take a board out of service; ends when nothing runs on it any more."))
    .addCommand(act("undrain", "Put a board back into service."));
}

async function list(options: Options, io: Io): Promise<readonly DeviceReport[]> {
  try {
    return (await asked(options, io, "GET", DEVICES)) as readonly DeviceReport[];
  } catch (error) {
    if (options.url !== undefined || !(error instanceof NoGateway)) throw error;
    io.err("no gateway answers here: these are the devices of this host\n");
    return probeDevices(configOf(options, io).backends, (text) =>
      io.err(`warning: ${printable(text)}\n`),
    );
  }
}

function asked(options: Options, io: Io, method: "GET" | "POST", path: string): Promise<unknown> {
  const { address, port } = configOf(options, io).http;
  const host = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  const written = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return askGateway(options.url ?? written, method, path);
}

function configOf({ config: file }: Options, { env }: Io) {
  return loadConfig({ flags: new Map(), env, file }).config;
}

const MOST_NAMES = 2;
const HEAD = ["ID", "BACKEND", "VENDOR", "PLATFORM", "STATE", "EMULATED", "MODEL"];

function asTable(devices: readonly DeviceReport[]): string {
  return table(
    HEAD,
    devices.map(({ id, backend, vendor, platform, state, breaker = "closed", emulated, model }) => [
      id,
      backend,
      vendor,
      platform,
      breaker === "closed" ? state : `${state} (breaker ${breaker})`,
      emulated ? "yes" : "no",
      shortened(model),
    ]),
  );
}

/** The table has room for a few names; JSON and `describe` have all. */
function shortened(model: string | null): string {
  const names = model?.split(", ") ?? [];
  if (names.length > MOST_NAMES) return `${names.length} models`;
  return names.join(", ") || "-";
}

function asRows(device: DeviceReport): string {
  const rows = Object.entries(device).map(([field, value]) => [field, String(value ?? "-")]);
  return table(["FIELD", "VALUE"], rows);
}
