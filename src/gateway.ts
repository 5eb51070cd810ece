/** The composition root: builds the rooms and hands each its slice and its functions. No logic. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { systemClock } from "./clock.ts";
import type { Config } from "./config/load.ts";
import { createHttpServer } from "./http/inference-server.ts";
import { createMetricsServer } from "./http/metrics-server.ts";
import { serverMetadata } from "./inference/server-metadata.ts";
import { Lifecycle, type Service } from "./lifecycle.ts";
import type { Logger } from "./logger.ts";
import { packageRoot } from "./package-root.ts";
import { ModelRepository } from "./registry/repository.ts";
import type { Served } from "./scheduling/served.ts";
import { SharedMemory } from "./shared-memory/manager.ts";
import { ModelAccount } from "./telemetry/account.ts";
import { EventLoopDelay } from "./telemetry/event-loop.ts";
import { grpcMetrics } from "./telemetry/grpc-metrics.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { modelStatistics } from "./telemetry/statistics.ts";
import { backendModules } from "./wiring/backend-modules.ts";
import { grpcListener } from "./wiring/grpc-listener.ts";
import { inferLine } from "./wiring/infer-line.ts";
import { modelLoader } from "./wiring/load-model.ts";
import { type ServedRow, servedRows } from "./wiring/served-rows.ts";
import { createFleet } from "./workers/fleet.ts";
import { SLAB_PREFIX } from "./workers/slab.ts";

export type { ServedRow } from "./wiring/served-rows.ts";

export interface GatewayPorts {
  readonly grpcPort?: number | undefined;
  readonly httpPort?: number | undefined;
  readonly metricsPort?: number | undefined;
}

export interface Gateway {
  start(): Promise<GatewayPorts>;
  stop(): Promise<void>;
  describe(): readonly ServedRow[];
}

/** What is kept of `--exit-timeout-secs` for ending workers that are busy, ms. */
const ENDING_MS = 2_500;
/** Requests wait this long for an instance to come back before they fail, ms. */
const PATIENCE_MS = 30_000;

export async function createGateway(config: Config, log: Logger): Promise<Gateway> {
  const clock = systemClock;
  const account = new ModelAccount();
  const eventLoop = new EventLoopDelay();
  let closing = false;
  const modules = await backendModules(config.backends);

  const fleet = createFleet({
    hostEntry: join(packageRoot, "dist/src/workers/host.js"),
    backends: config.backends,
    ...config.workers,
    clock,
    log,
  });
  const loader = modelLoader({
    fleet,
    account,
    closing: () => closing,
    loaded: (signature, facts) => account.loaded(signature, facts),
    clock,
    log,
    threads: config.workers.threads,
    patienceMs: PATIENCE_MS,
  });
  const repository = new ModelRepository<Served>({
    ...config.repository,
    maxParallelLoads: availableParallelism(),
    modules,
    loader,
    clock,
    log,
  });

  const ready = () =>
    lifecycle.state === "ready" && (!config.server.strictReadiness || repository.allReady());
  const definitionOf = (model: string, version: string) =>
    repository.resolve(model, version).definition;
  const version = packageVersion();

  const sharedMemory = config.server.allowClientShm
    ? new SharedMemory({ folder: "/dev/shm", ownPrefix: SLAB_PREFIX, clock })
    : undefined;
  const infer = inferLine((model, version) => repository.resolve(model, version), sharedMemory);

  const grpc = grpcListener(
    config.grpc,
    {
      server: { version, ready },
      inference: { infer: infer },
      models: {
        find: definitionOf,
        isReady: (model, version) => repository.isReady(model, version),
        readyVersions: (model) => repository.metadata(model, "").versions,
      },
      statistics: {
        served: () => repository.served().map(({ definition }) => definition.signature),
        statistics: (model, version) => modelStatistics(account.counters(model, version)),
      },
      repository: {
        index: () => repository.index(false),
        load: (model, parameters) => repository.loadModel(model, parameters),
        unload: (model, parameters) => repository.unloadModel(model, parameters),
      },
      sharedMemory,
    },
    { ready, subscribe: (changed) => repository.onChange(changed) },
    { clock, log },
  );
  const http = createHttpServer({
    ...config.http,
    log,
    live: () => true,
    ready,
    serverMetadata: () => serverMetadata(version),
    modelReady: (model, version) => repository.isReady(model, version),
    repositoryIndex: (onlyReady) => repository.index(onlyReady),
  });
  const metrics = createMetrics({
    models: () => account.all(),
    others: [eventLoop.metric(), ...grpcMetrics(() => grpc.server.stats())],
  });
  const metricsServer = createMetricsServer({ ...config.metrics, log, metrics });

  // Stopped in reverse: first nobody new gets in and what is in flight is answered
  // (HTTP still tells probes that we are not ready), then the models and workers go.
  const services: readonly Service[] = [
    {
      name: "event loop watch",
      start: async () => eventLoop.start(),
      stop: async () => eventLoop.stop(),
    },
    {
      name: "shared memory",
      start: async () => {},
      stop: async () => sharedMemory?.close(),
    },
    { name: "workers", start: async () => {}, stop: () => fleet.close() },
    {
      name: "models",
      start: (signal) => {
        signal.addEventListener("abort", () => void repository.stop(), { once: true });
        return repository.start();
      },
      stop: () => {
        closing = true;
        return repository.stop();
      },
    },
    ...(config.metrics.enabled ? [metricsServer] : []),
    ...(config.http.enabled ? [http] : []),
    ...(config.grpc.enabled ? [grpc] : []),
  ];
  const lifecycle = new Lifecycle(services, { log, clock });

  return {
    async start() {
      await lifecycle.start();
      return {
        grpcPort: config.grpc.enabled ? grpc.port : undefined,
        httpPort: config.http.enabled ? http.port : undefined,
        metricsPort: config.metrics.enabled ? metricsServer.port : undefined,
      };
    },
    stop: () => lifecycle.stop(Math.max(0, config.server.exitTimeoutSecs * 1000 - ENDING_MS)),
    describe: () => servedRows(repository),
  };
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  return (manifest as { readonly version: string }).version;
}
