/** `device ls|describe|drain|undrain|lease|release`: what boards there are, out of service with them, and whose they are. */
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

interface LeaseOptions {
  readonly to: string;
  readonly models: string;
  readonly for: string;
}

const DONE = {
  drain: "is drained",
  undrain: "is in service again",
  release: "is everybody's again",
} as const;

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

  const lease = command(
    "lease",
    "Give a board to one experiment for a time: only its models sit there. Ends when nothing of others runs on it.",
  )
    .argument("<device>", "its id")
    .requiredOption("--to <experiment>", "who gets it")
    .requiredOption(
      "--models <names>",
      "models of theirs, with commas; * stands for any characters",
    )
    .requiredOption("--for <time>", "how long: 90m, 2h, 3d")
    .action(async (id: string, options: Options & LeaseOptions) => {
      const path = `${DEVICES}/${encodeURIComponent(id)}/lease`;
      const models = options.models.split(",").map((name) => name.trim());
      const body = { to: options.to, models, seconds: seconds(options.for) };
      const answer = await asked(options, io, "POST", path, body);
      if (options.output === "json") io.out(asJson(answer));
      else io.out(`${printable(id)} is leased to ${printable(options.to)}\n`);
    });

  const act = (action: keyof typeof DONE, description: string) =>
    command(action, description)
      .argument("<device>", "its id")
      .action(async (id: string, options: Options) => {
        const path = `${DEVICES}/${encodeURIComponent(id)}/${action}`;
        const answer = await asked(options, io, "POST", path);
        if (options.output === "json") io.out(asJson(answer));
        else io.out(`${printable(id)} ${DONE[action]}\n`);
        exit(Exit.ok);
      });

  return new Command("beamgate device")
    .addCommand(ls)
    .addCommand(describe)
    .addCommand(act("drain", "Take a board out of service; ends when nothing runs on it any more."))
    .addCommand(act("undrain", "Put a board back into service."))
    .addCommand(lease)
    .addCommand(act("release", "End a lease before its time."));
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90m`, `2h`, `3d`, or seconds. */
function seconds(text: string): number {
  const [, number = "", unit = "s"] = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text) ?? [];
  const value = Number(number) * (UNITS[unit || "s"] ?? 1);
  if (value > 0) return value;
  throw new CliError(Exit.usage, `--for ${text}: expected a time such as 90m, 2h or 3d`);
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

function asked(
  options: Options,
  io: Io,
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<unknown> {
  const { address, port } = configOf(options, io).http;
  const host = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  const written = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return askGateway(options.url ?? written, method, path, body);
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
