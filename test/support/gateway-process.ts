/** A gateway of its own for one test: started as a user starts it, on free ports, ended by pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.ts";

export interface GatewayOptions {
  readonly repositories: readonly string[];
  /** More flags of `serve`. */
  readonly flags?: readonly string[];
  /** A program and arguments that start the gateway in their place (`exec`), such as a shell that enters a cgroup. */
  readonly launcher?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface GatewayProcess {
  readonly pid: number;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly metricsPort: number;
  readonly exited: Promise<Exit>;
  /** The last of what it printed. */
  log(): string;
  /** SIGTERM, then SIGKILL after a minute. */
  stop(): Promise<void>;
}

const READY_LIMIT_MS = 120_000;
const KEPT_LOG_CHARS = 20_000;
const SERVICES = ["GRPCInferenceService", "HTTPService", "Metrics Service"] as const;

/** Resolves when all three services said on which port they listen. */
export async function startGateway(options: GatewayOptions): Promise<GatewayProcess> {
  const [program, ...before] = options.launcher ?? [];
  const serve = [
    join(packageRoot, "src", "cli", "beamgate.mjs"),
    "serve",
    ...["--grpc-port", "0", "--http-port", "0", "--metrics-port", "0"],
    ...options.repositories.flatMap((folder) => ["--model-repository", folder]),
    ...(options.flags ?? []),
  ];
  const child = program
    ? spawn(program, [...before, process.execPath, ...serve], { stdio: ["ignore", "pipe", "pipe"] })
    : spawn(process.execPath, serve, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  const collect = (chunk: Buffer) => {
    log += chunk.toString();
    // Past the start-up, only the end of a long log is of use.
    if (log.length > 2 * KEPT_LOG_CHARS && listening(log)) log = log.slice(-KEPT_LOG_CHARS);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });

  const ports = await portsOf(child, exited, () => log);
  return {
    pid: child.pid ?? 0,
    ...ports,
    exited,
    log: () => log,
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 60_000);
      await exited;
      clearTimeout(late);
    },
  };
}

async function portsOf(child: ChildProcess, exited: Promise<Exit>, log: () => string) {
  let gone: Exit | undefined;
  void exited.then((exit) => {
    gone = exit;
  });
  const end = performance.now() + READY_LIMIT_MS;
  for (;;) {
    const ports = listening(log());
    if (ports) return ports;
    if (gone)
      throw new Error(`the gateway ended (${JSON.stringify(gone)}):\n${log().slice(-2000)}`);
    if (performance.now() > end) {
      child.kill("SIGKILL");
      throw new Error(
        `the gateway was not ready after ${READY_LIMIT_MS} ms:\n${log().slice(-2000)}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function listening(log: string) {
  const [grpcPort, httpPort, metricsPort] = SERVICES.map((service) =>
    Number(new RegExp(`Started ${service} at \\S+?:(\\d+)`).exec(log)?.[1] ?? 0),
  );
  return grpcPort && httpPort && metricsPort ? { grpcPort, httpPort, metricsPort } : undefined;
}
