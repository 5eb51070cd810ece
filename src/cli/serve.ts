/** `serve`: the gateway from its first line of output to its last. */
import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import type { Config } from "../config/load.ts";
import type { Gateway, GatewayPorts, ServedRow } from "../gateway.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { addConfigOptions } from "./config-options.ts";
import { CliError, Exit, type Io } from "./io.ts";
import { servedTable } from "./serve-table.ts";
import { untilStopped } from "./until-stopped.ts";

/**
 * V8 makes what lives long at first, while little is compiled, in the old heap for good. Requests that are answered in
 * milliseconds then lie there, dead, and hold others until a full collection: a fifth of the gateway's CPU time.
 */
const YOUNG_STAYS_YOUNG = "--no-allocation-site-pretenuring";
/**
 * How much of what it calls V8 makes part of a function, bytes of bytecode (by itself: 920). A request passes many
 * small functions, of which more become part of each other: one in thirty of the gateway's CPU time.
 */
const ROOM_FOR_CALLEES = "--max-inlined-bytecode-size-cumulative=2500";
/** Getters of the global object, which are called anew for each use: made plain values, they are only read. */
const GETTERS = ["Buffer", "performance"] as const;

export type CreateGateway = (config: Config, log: Log) => Gateway | Promise<Gateway>;

export function serveCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command("beamgate serve").description(
    "Serve models over Triton's protocol. Every flag of tritonserver is accepted as it is.",
  );
  const load = addConfigOptions(command, io);
  return command.action(async () => {
    const { config, warnings } = load();
    const log = openLog(config);
    for (const warning of warnings) log.warn(warning);
    setFlagsFromString(YOUNG_STAYS_YOUNG);
    setFlagsFromString(ROOM_FOR_CALLEES);
    for (const name of GETTERS) {
      Object.defineProperty(globalThis, name, { value: globalThis[name], writable: true });
    }
    const { createGateway } = await import("../gateway.ts");
    exit(await serve(config, log, createGateway, io));
  });
}

/** @returns the exit code */
export async function serve(
  config: Config,
  log: Log,
  createGateway: CreateGateway,
  io: Io,
): Promise<number> {
  const started = async () => {
    const gateway = await createGateway(config, log);
    const { reload } = gateway;
    const onHangUp = () => void reload?.();
    if (reload !== undefined) process.on("SIGHUP", onHangUp);
    return {
      stop: () => {
        process.off("SIGHUP", onHangUp);
        return gateway.stop();
      },
      over: gateway.over,
      run: async () => announce(config, log, await gateway.start(), gateway.describe()),
    };
  };
  const graceMs = config.server.exitTimeoutSecs * 1000;
  const { exitCode, error } = await untilStopped(started, graceMs, log);
  if (error !== undefined) {
    const message = error instanceof Error ? error.message : String(error);
    io.err(`error: ${message}\n`);
    // Whoever reads the log alone must find it there, too.
    if (log.json || config.log.file !== undefined) log.error(message, { error });
    else log.debug("could not start", { error });
  }
  await log.flushed();
  return exitCode;
}

function openLog(config: Config): Log {
  try {
    return createLog(config.log);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(Exit.failed, `cannot write the log file (log.file): ${reason}`, { cause });
  }
}

/** The table, then the lines that scripts wait for (cmsTriton greps the first). */
function announce(config: Config, log: Log, ports: GatewayPorts, rows: readonly ServedRow[]): void {
  if (log.json) for (const row of rows) log.announce("model", row);
  else log.announce(servedTable(rows));
  const lines: [string, string, number | undefined][] = [
    ["GRPCInferenceService", config.grpc.address, ports.grpcPort],
    ["HTTPService", config.http.address, ports.httpPort],
    ["Metrics Service", config.metrics.address, ports.metricsPort],
  ];
  for (const [name, port] of ports.listeners ?? []) {
    lines.push([`gRPC listener ${name}`, config.grpc.address, port]);
  }
  for (const [title, address, port] of lines) {
    if (port === undefined) continue;
    const host = address.includes(":") ? `[${address}]` : address;
    log.announce(`Started ${title} at ${host}:${port}`, { address, port });
  }
}
