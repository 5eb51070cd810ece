/**
 * The command line. Every command lies in a file of its own, which is loaded
 * when it is called: `--version` pays for nothing else.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { StatusError } from "../errors.ts";
import { packageRoot } from "../package-root.ts";
import type { CommandBuilder } from "./command-group.ts";
import { CliError, Exit, type Io, processIo } from "./io.ts";
import { printable } from "./table.ts";

interface Entry {
  readonly summary: string;
  /** @param rest what follows the command's name */
  load(rest: readonly string[]): Promise<CommandBuilder>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  serve: {
    summary: "serve models over Triton's protocol",
    load: async () => (await import("./serve.ts")).serveCommand,
  },
  config: {
    summary: "check: show the merged configuration and where each value comes from",
    load: async () => (await import("./config.ts")).configCommand,
  },
  model: {
    summary: "register, ls, describe, promote, rollback, … : models and compiled artifacts",
    load: async (rest) => {
      const { modelCommand } = await import("./model/command.ts");
      return (io, exit) => modelCommand(rest, io, exit);
    },
  },
  device: {
    summary: "ls, describe, drain, undrain, lease, release: boards and other devices",
    load: async () => (await import("./device.ts")).deviceCommand,
  },
  quota: {
    summary: "ls, set, reset, audit: what tenants may use",
    load: async () => (await import("./quota.ts")).quotaCommand,
  },
  reservation: {
    summary: "ls, add, rm: windows in which devices are withdrawn for a tenant",
    load: async () => (await import("./reservation.ts")).reservationCommand,
  },
  usage: {
    summary: "tell who used what: requests, rows, bytes, device time, refusals",
    load: async () => (await import("./usage.ts")).usageCommand,
  },
  key: {
    summary: "new: make an API key for a caller of the gateway",
    load: async () => (await import("./key.ts")).keyCommand,
  },
  who: {
    summary: "say whom the gateway takes you for",
    load: async () => (await import("./who.ts")).whoCommand,
  },
  gateways: {
    summary: "ls: which gateways serve together",
    load: async () => (await import("./gateways.ts")).gatewaysCommand,
  },
  explain: {
    summary: "tell why a request went to its device and into its batch",
    load: async () => (await import("./explain.ts")).explainCommand,
  },
  top: {
    summary: "show what a running gateway does: models, devices, tenants",
    load: async () => (await import("./top.ts")).topCommand,
  },
  loadtest: {
    summary: "put load on a server that speaks Triton's protocol, and report what came back",
    load: async () => (await import("./loadtest.ts")).loadtestCommand,
  },
  completion: {
    summary: "bash, zsh, fish: print a script that completes commands and names",
    load: async () => {
      const { completionCommand } = await import("./completion.ts");
      const summaries = Object.fromEntries(
        Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]),
      );
      const build = async (name: string, rest: readonly string[]) =>
        name === "completion"
          ? completionCommand(silentIo, summaries, build)
          : ((await (await COMMANDS[name]?.load(rest))?.(silentIo, () => undefined)) ??
            new Command());
      return (io) => completionCommand(io, summaries, build);
    },
  },
  doctor: {
    summary: "find out whether this machine can serve, and what to do if not",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
};

/** For commands that are looked at and not run. */
const silentIo: Io = { out: () => undefined, err: () => undefined, env: {}, colour: false };

export function packageVersion(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(join(packageRoot, "package.json"), "utf8"),
  );
  return manifest.version;
}

/**
 * @param argv what follows the program's name.
 * @returns the exit code
 */
export async function main(argv: readonly string[], io: Io = processIo): Promise<number> {
  let exitCode: number = Exit.ok;
  const exit = (code: number) => {
    exitCode = code;
  };
  try {
    const [name = "", ...rest] = asCommand(argv);
    const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    const command = entry === undefined ? overview() : await (await entry.load(rest))(io, exit);
    prepare(command, io);
    await command.parseAsync(entry === undefined ? argv : rest, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
    if (error instanceof CliError) {
      io.err(`error: ${error.message}\n`);
      return error.exitCode;
    }
    io.err(`error: ${printable(error instanceof Error ? error.message : String(error))}\n`);
    return error instanceof StatusError ? exitCodeOf(error) : Exit.failed;
  }
}

function exitCodeOf({ code }: StatusError): number {
  if (code === "INTERNAL" || code === "UNKNOWN") return Exit.failed;
  return code === "UNAVAILABLE" ? Exit.unavailable : Exit.refused;
}

const OWN_FLAGS = ["--help", "--version"];

/**
 * tritonserver has no commands: flags alone mean `serve`, so that one binary can
 * stand in for the other. And `help serve` means `serve --help`.
 */
function asCommand(argv: readonly string[]): readonly string[] {
  const [first = "", second] = argv;
  if (first === "help" && second !== undefined) return [...argv.slice(1), "--help"];
  return first.startsWith("--") && !OWN_FLAGS.includes(first) ? ["serve", ...argv] : argv;
}

function overview(): Command {
  const program = new Command("beamgate")
    .description("Inference gateway for high-energy physics that speaks Triton's protocol")
    .version(packageVersion())
    .usage("<command> [options]");
  for (const [name, { summary }] of Object.entries(COMMANDS)) {
    program.command(name).description(summary);
  }
  return program.addHelpText(
    "after",
    "\nbeamgate <command> --help tells more. Exit codes: 0 ok, 2 wrong usage or configuration, " +
      "3 refused,\n4 unavailable, 99 an objective of a load test missed, 1 anything else.",
  );
}

/** Commander throws instead of ending the process, and writes where we say; also in sub-commands. */
function prepare(command: Command, io: Io): void {
  command
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err, getOutHasColors: () => io.colour });
  for (const child of command.commands) prepare(child, io);
}
