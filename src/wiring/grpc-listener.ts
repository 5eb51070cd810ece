/** The gRPC port: the server of `grpc/transport` with every service of this gateway on it. */
import { join } from "node:path";
import type { Config } from "../config/load.ts";
import { addHealth, type HealthSource, loadHealthPackage } from "../grpc/health.ts";
import { addReflection } from "../grpc/reflection.ts";
import { restrict } from "../grpc/restricted.ts";
import { loadInferenceDefinition } from "../grpc/rpc/definition.ts";
import { type InferenceService, registerInferenceService } from "../grpc/service.ts";
import type { GrpcServerOptions } from "../grpc/transport/options.ts";
import { GrpcServer } from "../grpc/transport/server.ts";
import type { ByteBudget } from "../inference/byte-budget.ts";
import type { Restrictions } from "../inference/restriction.ts";
import type { Service } from "../lifecycle.ts";
import { packageRoot } from "../package-root.ts";
import { needOf, RPC_ACCESS } from "../tenants/access-table.ts";
import { tlsOf } from "./identity.ts";

type GrpcSlice = Config["grpc"];
interface Surroundings extends Pick<GrpcServerOptions, "clock" | "log" | "gate" | "listeners"> {
  readonly restrictions: Restrictions;
  /** Bodies of HTTP count in it, too. */
  readonly budget: ByteBudget;
}

const EDGE_ENTRY = join(packageRoot, "dist/src/grpc/edge/main.js");

/** zlib levels behind Triton's words. */
const LEVELS = { none: undefined, low: 1, medium: 6, high: 9 } as const;

export interface GrpcListener extends Service {
  readonly server: GrpcServer;
  /** 0 before `start`. */
  readonly port: number;
  /** Ports of the named listeners; none before `start`. */
  readonly listeners: ReadonlyMap<string, number>;
}

export function grpcListener(
  slice: GrpcSlice,
  service: InferenceService,
  health: HealthSource,
  { clock, log, budget, restrictions, gate, listeners = [] }: Surroundings,
): GrpcListener {
  const asking = gate && { gate, listeners };
  const server = new GrpcServer({
    ...optionsOf(slice, gate !== undefined),
    ...asking,
    budget,
    clock,
    log,
  });
  const definition = loadInferenceDefinition();
  registerInferenceService(server, definition, service);
  addHealth(server, health);
  restrict(server, restrictions);
  addReflection(server, [definition.package, loadHealthPackage()]);
  for (const path of server.paths) needOf(RPC_ACCESS, path);
  let port = 0;
  let ports: ReadonlyMap<string, number> = new Map();
  return {
    name: "grpc",
    server,
    get port() {
      return port;
    },
    get listeners() {
      return ports;
    },
    async start() {
      ({ port, listeners: ports } = await server.listen());
    },
    drain: () => server.drain(),
    inFlight: () => [`${server.stats().callsInFlight} calls`],
    stop: () => server.stop(),
  };
}

function optionsOf(slice: GrpcSlice, asks: boolean): Omit<GrpcServerOptions, "clock" | "log"> {
  const { minRecvPingIntervalMs, ...keepalive } = slice.keepalive;
  const level = LEVELS[slice.compressionLevel];
  const tls = tlsOf(slice.tls, asks);
  return {
    address: slice.address,
    port: slice.port,
    ...(slice.edges > 0 && { edges: { count: slice.edges, entry: EDGE_ENTRY } }),
    ...(tls === undefined ? {} : { tls }),
    maxMessageBytes: slice.maxMessageBytes,
    receiveBudgetBytes: slice.receiveBudgetBytes,
    responseCompression: slice.responseCompression,
    ...(level === undefined ? {} : { compressionLevel: level }),
    keepalive: { ...keepalive, minReceivedPingIntervalMs: minRecvPingIntervalMs },
    maxConnectionAgeMs: slice.maxConnectionAgeMs,
    maxConnectionAgeGraceMs: slice.maxConnectionAgeGraceMs,
    maxConcurrentStreams: slice.maxConcurrentStreams,
  };
}
