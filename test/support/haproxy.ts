/** A real HAProxy with the configuration that we ship, in front of two gateways on loopback. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { env } from "node:process";
import { packageRoot } from "../../src/package-root.ts";
import { freePort } from "./free-port.ts";
import { scrape, sum } from "./metrics.ts";
import { eventually } from "./process-tree.ts";

/** Why nothing with a real HAProxy runs; undefined: it does. */
export const NO_HAPROXY: string | undefined =
  spawnSync("haproxy", ["-v"]).status === 0
    ? undefined
    : "haproxy is not installed (apt install haproxy)";

export interface GatewayPorts {
  readonly grpcPort: number;
  readonly httpPort: number;
}

export interface Haproxy {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Whether it sends requests to gateway `at` (0 or 1). */
  isUp(at: number): Promise<boolean>;
  /** Requests that it sent a second time. */
  retries(): Promise<number>;
  log(): string;
  stop(): Promise<void>;
}

export const HAPROXY_CONFIG = join(packageRoot, "src", "deploy", "haproxy", "haproxy.cfg");

/** @throws when it does not listen within 10 s */
export async function startHaproxy(
  gateways: readonly [GatewayPorts, GatewayPorts],
): Promise<Haproxy> {
  const grpcPort = await freePort();
  const httpPort = await freePort();
  const statsPort = await freePort();
  const places = gateways.flatMap((ports, at) => [
    [`GATEWAY_${at + 1}`, "127.0.0.1"],
    [`GATEWAY_${at + 1}_GRPC_PORT`, `${ports.grpcPort}`],
    [`GATEWAY_${at + 1}_HTTP_PORT`, `${ports.httpPort}`],
  ]);
  const child = spawn("haproxy", ["-db", "-f", HAPROXY_CONFIG], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...env,
      ...Object.fromEntries(places),
      BEAMGATE_GRPC_BIND: `127.0.0.1:${grpcPort}`,
      BEAMGATE_HTTP_BIND: `127.0.0.1:${httpPort}`,
      BEAMGATE_STATS_BIND: `127.0.0.1:${statsPort}`,
    },
  });
  let log = "";
  const collect = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-20_000);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const samples = () => scrape(statsPort);
  const listens = await eventually(
    () =>
      samples().then(
        () => true,
        () => false,
      ),
    60_000,
  );
  if (listens === undefined) {
    child.kill("SIGKILL");
    throw new Error(`haproxy does not listen:\n${log}`);
  }
  const proxy = "grpc-gateways";
  return {
    grpcPort,
    httpPort,
    async isUp(at) {
      const labels = { proxy, server: `gateway-${at + 1}`, state: "UP" };
      return sum(await samples(), "haproxy_server_status", labels) === 1;
    },
    async retries() {
      return sum(await samples(), "haproxy_server_retry_warnings_total", { proxy }) ?? 0;
    },
    log: () => log,
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await exited;
      clearTimeout(late);
    },
  };
}
