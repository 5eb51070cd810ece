/** `device ls|describe|drain|undrain|lease|release`: what boards there are, out of service with them, and whose they are. */
import { Command } from "commander";
import type { DeviceReport } from "../inference/device-report.ts";
import { type GatewayOptions, gatewayAddress, gatewayOptions, isNamed } from "./gateway-address.ts";
import { askGateway, NoGateway } from "./gateway-client.ts";
import { CliError, Exit, type Io } from "./io.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import { printable, table } from "./table.ts";

interface Options extends GatewayOptions {
  readonly output: OutputFormat;
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
  const command = (words: string, description: string) => {
    const made = new Command(words).description(description).addOption(outputOption());
    for (const option of gatewayOptions()) made.addOption(option);
    return made;
  };

  const ls = command(
    "ls",
    "List the devices of a running gateway. Where none runs and none is named: those of this host, " +
      "emulated ones as soon as their libraries are installed, whether the configuration uses them or not.",
  ).action(async (options: Options) => {
    const devices = await list(options, io);
    await print(io, options.output, devices, () => `${asTable(devices)}\n`);
  });

  const describe = command("describe", "Tell everything about one device.")
    .argument("<device>", "its id")
    .action(async (id: string, options: Options) => {
      const device = (await list(options, io)).find((each) => each.id === id);
      if (device === undefined) throw new CliError(Exit.failed, `there is no device '${id}'`);
      await print(io, options.output, device, () => `${asRows(device)}\n`);
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
      const done = `${printable(id)} is leased to ${printable(options.to)}\n`;
      await print(io, options.output, answer, () => done);
    });

  const act = (action: keyof typeof DONE, description: string) =>
    command(action, description)
      .argument("<device>", "its id")
      .action(async (id: string, options: Options) => {
        const path = `${DEVICES}/${encodeURIComponent(id)}/${action}`;
        const answer = await asked(options, io, "POST", path);
        await print(io, options.output, answer, () => `${printable(id)} ${DONE[action]}\n`);
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
    if (isNamed(options, io) || !(error instanceof NoGateway)) throw error;
    io.err("no gateway answers here: these are the devices of this host\n");
    const { loadForClient } = await import("./client-config.ts");
    const { probeDevices } = await import("../wiring/probe-devices.ts");
    return probeDevices(loadForClient(options.config, io.env).backends, (text) =>
      io.err(`warning: ${printable(text)}\n`),
    );
  }
}

async function asked(
  options: Options,
  io: Io,
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<unknown> {
  return askGateway(await gatewayAddress(options, io), method, path, body);
}

const MOST_NAMES = 2;
const HEAD = ["ID", "BACKEND", "VENDOR", "PLATFORM", "STATE", "EMULATED", "MODEL"];
const RESERVED = "RESERVED";

/** Reservations have a column where there are any. */
function asTable(devices: readonly DeviceReport[]): string {
  const calendar = devices.some(({ reserved }) => reserved !== undefined);
  return table(
    calendar ? HEAD.toSpliced(-1, 0, RESERVED) : HEAD,
    devices.map((device) => {
      const { id, backend, vendor, platform, state, breaker = "closed", emulated, model } = device;
      return [
        id,
        backend,
        vendor,
        platform,
        breaker === "closed" ? state : `${state} (breaker ${breaker})`,
        emulated ? "yes" : "no",
        ...(calendar ? [reservationText(device.reserved)] : []),
        shortened(model),
      ];
    }),
  );
}

function reservationText(reserved: DeviceReport["reserved"]): string {
  if (reserved === undefined) return "-";
  const { tenant, from, to, state } = reserved;
  const time = (iso: string) => `${iso.slice(0, 16)}Z`;
  return state === "waiting" ? `${tenant} from ${time(from)}` : `${tenant} until ${time(to)}`;
}

/** The table has room for a few names; JSON and `describe` have all. */
function shortened(model: string | null): string {
  const names = model?.split(", ") ?? [];
  if (names.length > MOST_NAMES) return `${names.length} models`;
  return names.join(", ") || "-";
}

function asRows(device: DeviceReport): string {
  const rows = Object.entries(device).map(([field, value]) => [field, shown(value)]);
  return table(["FIELD", "VALUE"], rows);
}

function shown(value: unknown): string {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? JSON.stringify(value)
    : String(value ?? "-");
}
