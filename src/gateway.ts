/** The composition root: builds the rooms and hands each its slice and its functions. No logic. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { systemClock } from "./clock.ts";
import type { Config } from "./config/load.ts";
import { restrictionsOf } from "./config/rules.ts";
import { createHttpServer } from "./http/inference-server.ts";
import { createMetricsServer } from "./http/metrics-server.ts";
import type { RepositoryControl } from "./http/repository-control.ts";
import { ByteBudget } from "./inference/byte-budget.ts";
import { type Caller, DEFAULT_TENANT, type Tenant } from "./inference/caller.ts";
import { forwarderOf } from "./inference/forward-headers.ts";
import { aloneReport } from "./inference/gateway-report.ts";
import { serverMetadata } from "./inference/server-metadata.ts";
import type { ClientConnection } from "./inference/shared-regions.ts";
import { Lifecycle, type Service } from "./lifecycle.ts";
import { packageRoot } from "./package-root.ts";
import { BoardTime } from "./policy/placement/board-time.ts";
import { placement } from "./policy/placement/placement.ts";
import { Boards } from "./pool/boards.ts";
import { DeviceLeases } from "./pool/device-leases.ts";
import { KnownDigests } from "./registry/known-digests.ts";
import { OfferedModels } from "./registry/offered-models.ts";
import { ModelRepository } from "./registry/repository.ts";
import type { Served } from "./scheduling/served.ts";
import { SharedMemory } from "./shared-memory/manager.ts";
import { isConfigured } from "./shared-state/settings.ts";
import { acceleratorMetrics, bodyMetrics } from "./telemetry/accelerator-metrics.ts";
import { ModelAccount } from "./telemetry/account.ts";
import { clusterMetrics } from "./telemetry/cluster-metrics.ts";
import { cpuMetrics, hostUse } from "./telemetry/cpu-metrics.ts";
import { deviceMetrics } from "./telemetry/device-metrics.ts";
import { DeviceWatch } from "./telemetry/device-watch.ts";
import { dialInMetrics } from "./telemetry/dial-in-metrics.ts";
import { EventLoopDelay } from "./telemetry/event-loop.ts";
import { FailoverCounts } from "./telemetry/failover-counts.ts";
import { grpcMetrics } from "./telemetry/grpc-metrics.ts";
import { latencies } from "./telemetry/latency-metrics.ts";
import type { Log } from "./telemetry/log.ts";
import { logWords, readLogWords } from "./telemetry/log-settings.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { RequestSamples } from "./telemetry/request-samples.ts";
import { readRunbook } from "./telemetry/runbook.ts";
import { servingMetrics } from "./telemetry/serving-metrics.ts";
import { shadowMetrics } from "./telemetry/shadow-metrics.ts";
import { shareMetrics } from "./telemetry/share-metrics.ts";
import { StageTimes } from "./telemetry/stage-times.ts";
import { StallWatch } from "./telemetry/stall-watch.ts";
import { TenantTable } from "./tenants/tenant-table.ts";
import { aboutModel } from "./wiring/about-model.ts";
import { Aliases } from "./wiring/aliases.ts";
import { backendModules } from "./wiring/backend-modules.ts";
import { cachingLoader } from "./wiring/caching-loader.ts";
import { takeSample } from "./wiring/dashboard.ts";
import { DeviceShares } from "./wiring/device-shares.ts";
import { Devices } from "./wiring/devices.ts";
import { deviceOf, dialInOf, joinOf, withPlaces } from "./wiring/dialled.ts";
import { loadOf } from "./wiring/endpoint-load.ts";
import { ensembleOf } from "./wiring/ensemble-of.ts";
import { explaining, explainOf } from "./wiring/explaining.ts";
import { uncounted } from "./wiring/gate-executor.ts";
import { gatewayFacts } from "./wiring/gateway-facts.ts";
import { grpcListener } from "./wiring/grpc-listener.ts";
import { createGatekeeper, tlsOf, tlsReloading } from "./wiring/identity.ts";
import { bundleRowsOf, inferLine } from "./wiring/infer-line.ts";
import { Inventory } from "./wiring/inventory.ts";
import type { LoaderParts } from "./wiring/load-instances.ts";
import { type ModelLoaderParts, modelLoader } from "./wiring/load-model.ts";
import { Loadtests } from "./wiring/loadtests/loadtests.ts";
import { ownAddress } from "./wiring/loadtests/own-address.ts";
import { offerSources } from "./wiring/offers.ts";
import { originOf } from "./wiring/origin.ts";
import { Pins } from "./wiring/pins.ts";
import { PowerReader } from "./wiring/power-reader.ts";
import { RegistryServing, type RegistryServingParts } from "./wiring/published-models.ts";
import { rateLimiterOf } from "./wiring/rate-limits.ts";
import { createRecording } from "./wiring/recording.ts";
import { countRefusals } from "./wiring/refusals.ts";
import { createRegistry, openRegistryStore } from "./wiring/registry.ts";
import { type ServedRow, servedRows } from "./wiring/served-rows.ts";
import { queueFigures, registeredAliases } from "./wiring/serving-figures.ts";
import type { Several } from "./wiring/several.ts";
import { Shadows, type ShadowsParts } from "./wiring/shadow/shadows.ts";
import { countsOf, statisticsOf } from "./wiring/statistics.ts";
import { StepLine } from "./wiring/step-line.ts";
import { createTenancy } from "./wiring/tenancy.ts";
import { createTracing } from "./wiring/tracing.ts";
import { waitingByTenant, waitMsOf } from "./wiring/waiting-by-tenant.ts";
import { withHeaders } from "./wiring/with-headers.ts";
import { createFleet } from "./workers/fleet.ts";
import { SLAB_PREFIX } from "./workers/slab.ts";

export type { ServedRow } from "./wiring/served-rows.ts";

export interface GatewayPorts {
  readonly grpcPort?: number | undefined;
  readonly httpPort?: number | undefined;
  readonly metricsPort?: number | undefined;
  /** Of the named listeners. */
  readonly listeners?: ReadonlyMap<string, number> | undefined;
}

export interface Gateway {
  start(): Promise<GatewayPorts>;
  stop(): Promise<void>;
  describe(): readonly ServedRow[];
  /** Resolves with the reason when the process should stop of its own accord. */
  readonly over: Promise<string>;
  /** Reads files again: tenants, keys, certificates, reservations. Does not reject; undefined: there are none. */
  readonly reload?: (() => Promise<void>) | undefined;
  /** Present where models may be registered. */
  readonly registry?: RegistryServing | undefined;
}

/** What is kept of `--exit-timeout-secs` for ending workers that are busy, ms. */
const ENDING_MS = 2_500;
/** Requests wait this long for an instance to come back before they fail, ms. */
const PATIENCE_MS = 30_000;
/** Time between two looks whether the files of registered artifacts are as they were, ms. */
const CHECK_FILES_MS = 15_000;

/** Where registered models are found, and how an instance of their artifacts is looked at. */
export type RegisteredSource = Pick<RegistryServingParts, "catalog" | "blobPath"> &
  Pick<LoaderParts, "afterLoad"> & {
    /** In place of the registry, see `ShadowsParts.demote`. */
    readonly demote?: ShadowsParts["demote"];
  };

/** @param given where models that were registered are found; absent: in the configured store, where there is one */
export async function createGateway(
  config: Config,
  log: Log,
  given?: RegisteredSource,
): Promise<Gateway> {
  const clock = systemClock;
  const { folder } = config.registry;
  const opened = folder === undefined ? undefined : await openRegistryStore(folder, clock, log);
  const registered = given ?? opened;
  const gatekeeper = createGatekeeper(config, log);
  const account = new ModelAccount(Date.now, stageTimesOf(config.metrics.maxStageSeries));
  const timings = latencies(config.metrics);
  const eventLoop = new EventLoopDelay();
  const stalls = new StallWatch({ clock, log });
  let closing = false;
  let over: (reason: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    over = resolve;
  });
  const dialIn = dialInOf(config.dialIn, { clock, log });
  const backends = dialIn ? withPlaces(config.backends, dialIn.servers) : config.backends;
  const modules = await backendModules(backends);
  const version = packageVersion();
  const tracing = await createTracing(config.trace, {
    log,
    version,
    isReady: (model) => repository.isReady(model, ""),
    about: ({ name, version }, variant) => aboutModel(() => definitionOf(name, version), variant),
  });

  const fleet = createFleet({
    hostEntry: join(packageRoot, "dist/src/workers/host.js"),
    backends,
    ...config.workers,
    clock,
    log,
  });
  const resolve = (model: string, version: string) => repository.resolve(model, version);
  const tenants = gatekeeper?.table ?? tableOf([DEFAULT_TENANT]);
  const tenancy =
    config.tenancy.folder === undefined && gatekeeper === undefined
      ? undefined
      : await createTenancy({
          settings: config.tenancy,
          tenants,
          shareOf: (tenant) => several?.shareOf(tenant) ?? tenant,
          waitMsOf: (tenant) => waitMsOf(repository, tenant),
          devices: {
            boards: () => devices.leasable(),
            devices: {
              lease: (id, wanted) => devices.lease(id, wanted),
              release: (id) => devices.release(id),
            },
          },
          power: (used) => power.read(used),
          clock,
          log,
        });
  const counted = tenancy?.accounting.watching(account) ?? account;
  const watched = timings.watching(counted);
  const { tracer } = tracing;
  if (tracer !== undefined) account.onTraced = (trace, ended) => tracer.ended(trace, ended);
  // With tenants, the ledger has them.
  const refusals = tenancy === undefined ? countRefusals(account) : undefined;
  const failovers = new FailoverCounts();
  const shares = new DeviceShares();
  const inventory = new Inventory(fleet, clock, (kind, devices) => boards.add(devices, kind));
  const power = new PowerReader({ inventory, served: () => repository.served(), now: clock.now });
  const boards: Boards = new Boards({
    placement: placement(config.placement),
    boardTime: new BoardTime(config.placement),
    breaker: config.breaker,
    linkGroups: linkGroupsOf(config.placement.linkGroups),
    groupOf: (model) => ensembleOf(model, repository.served()),
    clock,
    log,
  });
  const leases = new DeviceLeases(clock);
  const digests = new KnownDigests();
  const loading: ModelLoaderParts = {
    fleet,
    boards,
    leases,
    breaker: config.breaker,
    routing: config.routing,
    perDevice: (kind) => modules.find((module) => module.kind === kind)?.perDevice === true,
    devicesOf: (kind) => inventory.devicesOf(kind),
    failedOver: (model, from, to) => failovers.add(model, from, to),
    steps: new StepLine(
      resolve,
      (model, version) => repository.trouble(model, version),
      (served, wish) => pins.require(served, wish),
    ),
    account: watched,
    closing: () => closing,
    loaded: (signature, facts) => account.loaded(signature, facts),
    clock,
    log,
    shares,
    threads: config.workers.threads,
    rateLimiter: rateLimiterOf(config.rateLimit, clock),
    patienceMs: PATIENCE_MS,
    ...(config.provenance.enabled && {
      originOf: originOf({
        digestOf: (path) => digests.of(path),
        generationOf: (model) => serving?.models.generationOf(model),
      }),
    }),
    ...(registered?.afterLoad && { afterLoad: registered.afterLoad }),
    watchArrivals: dialIn && ((arrived) => dialIn.watch((place) => arrived(deviceOf(place)))),
  };
  const loader = cachingLoader(modelLoader(loading), {
    cacheBytes: config.cache.sizeBytes,
    account: watched,
    cached: (signature) => account.cached(signature),
    clock,
    log,
  });

  const offered = new OfferedModels({
    sources: offerSources(modules, backends, log),
    roots: config.repository.roots,
    periodMs: config.repository.pollSecs * 1000,
    changed: (root) => repository.followRoot(root),
    clock,
    log,
  });
  dialIn?.watch(() => offered.hurry());
  const serving =
    registered &&
    new RegistryServing({
      ...registered,
      digests,
      roots: config.repository.roots,
      backends: modules.map(({ kind }) => kind),
      published: (name, model) => {
        aliases.follow(name, model);
        shadows?.follow(name, model);
      },
      repository: () => repository,
      checkMs: CHECK_FILES_MS,
      retireWaitMs: config.server.exitTimeoutSecs * 1000,
      clock,
      log,
    });
  const repository: ModelRepository<Served> = new ModelRepository<Served>({
    ...config.repository,
    roots: [...config.repository.roots, ...offered.roots],
    ...(serving && { registered: serving.models }),
    // A core is left to what serves.
    maxParallelLoads: Math.max(1, availableParallelism() - 1),
    modules,
    loader,
    clock,
    log,
  });

  const self = gatewayFacts(version, config.redis.announce, {
    address: config.grpc.address,
    port: () => grpc.port,
  });
  const several: Several | undefined = isConfigured(config.redis)
    ? (await import("./wiring/several.ts")).createSeveral({
        ...{ settings: config.redis, catalog: opened?.catalog, self, clock, log },
        tenancy: tenancy?.sharing,
        counters: () => countsOf(account.all()),
        folders: [folder, config.registry.dropFolder].filter((each) => each !== undefined),
      })
    : undefined;

  const { afterLoad: _, ...forTheGate } = loading;
  const registry =
    opened &&
    serving &&
    createRegistry({
      settings: config.registry,
      opened,
      modules,
      inventory,
      served: () => repository.served(),
      serving,
      gateLoader: modelLoader({
        ...forTheGate,
        shares: undefined,
        account: uncounted,
        loaded: () => undefined,
      }),
      version,
      upkeepIsMine: async (each) => (await several?.upkeepIsMine(each)) ?? true,
      clock,
      log,
    });

  const shadows: Shadows | undefined =
    serving &&
    new Shadows({
      settings: config.shadow,
      repository: () => repository,
      catalogModel: (name) => serving.models.catalogModel(name),
      fleet,
      threads: config.workers.threads,
      cores: availableParallelism(),
      onDevices: async (kind) =>
        loading.perDevice(kind) ||
        (await inventory.devicesOf(kind)).some(({ reconfigurable }) => reconfigurable === true),
      demote: async (artifact, reason) => {
        const { model, version, digest } = artifact;
        await given?.demote?.(artifact, reason);
        await registry?.registry.demote(model, version, digest, reason, "shadow comparison");
      },
      random: Math.random,
      clock,
      log,
    });

  repository.onChange((name) => shadows?.changed(name));

  const devices: Devices = new Devices({
    leases,
    modules,
    inventory,
    boards,
    served: () => repository.served(),
    reservedFor: tenancy && ((device) => tenancy.reservations.of(device)),
    now: clock.now,
    log,
  });
  const ready = () =>
    lifecycle.state === "ready" && (!config.server.strictReadiness || repository.allReady());
  /** Of a gateway that others call: not while it leaves the one that it has joined. */
  const modelReady = (model: string, version: string) =>
    joining?.leaving !== true && repository.isReady(model, version);
  const definitionOf = (model: string, version: string) => resolve(model, version).definition;
  const logControl = {
    settings: () => logWords(log.settings, log.file),
    update: (words: Parameters<typeof readLogWords>[0]) => log.change(readLogWords(words)),
  };
  const indexOf = (caller?: Caller, connection?: ClientConnection) =>
    tenancy === undefined
      ? repository.index(false)
      : tenancy.index((onlyReady) => repository.index(onlyReady), caller, connection);
  const { protocols, apis } = restrictionsOf(config);
  /** Bodies of both front-ends. */
  const bodies = new ByteBudget(config.grpc.receiveBudgetBytes);
  const models = {
    find: definitionOf,
    isReady: modelReady,
    readyVersions: (model: string) => repository.metadata(model, "").versions,
  };
  const control: RepositoryControl = {
    load: (model, parameters) => repository.loadModel(model, parameters),
    unload: (model, parameters) => repository.unloadModel(model, parameters),
  };
  const statistics = statisticsOf({
    served: () => repository.served().map(({ definition }) => definition.signature),
    counters: (model, version) => account.counters(model, version),
    shared: several?.counts,
  });

  const sharedMemory = config.server.allowClientShm
    ? new SharedMemory({ folder: "/dev/shm", ownPrefix: SLAB_PREFIX, clock })
    : undefined;
  const pins = new Pins({
    resolve,
    servingAll: (model) => repository.servingAll(model),
    digestOf: (path) => digests.of(path),
    explain: (model, version, digest) => serving?.explain(model, version, digest),
  });
  const aliases = new Aliases({
    resolve,
    serving: (model, version) => repository.serving(model, version),
    alias: (model, alias) => repository.alias(model, alias),
    clock,
  });
  const line = inferLine((wire, call) => pins.find(wire, call) ?? aliases.route(wire, call), {
    regions: sharedMemory,
    require: (served, wish) => pins.require(served, wish),
    quotas: tenancy?.admission,
    refused: tenancy?.accounting.refused ?? refusals?.refused,
    shadow: shadows?.watch,
  });
  const recording = createRecording(config.record, { clock, log });
  const explain = explainOf(config.provenance, clock);
  const samples = new RequestSamples({
    now: clock.now,
    wallMs: Date.now,
    random: Math.random,
  });
  account.onEnd = (outcome) => samples.ended(outcome);
  const infer = recording.watch(explaining(line, explain));

  const grpc = grpcListener(
    config.grpc,
    {
      server: { version, ready },
      inference: {
        infer: withHeaders(infer, forwarderOf(config.grpc.headerForwardPattern), tracing.tracer),
        // A line of a recording is of one request.
        ...(recording.on ? {} : { bundleRows: bundleRowsOf(resolve) }),
        ...(tracer && { untraced: (model, headers) => tracer.untraced(model, headers) }),
      },
      models,
      statistics,
      repository: { index: (caller, connection) => indexOf(caller, connection), ...control },
      sharedMemory,
      trace: tracing.control,
      log: logControl,
    },
    { ready, subscribe: (changed) => repository.onChange(changed) },
    {
      ...{ clock, log, budget: bodies, restrictions: protocols.headers },
      ...(gatekeeper && { gate: gatekeeper, listeners: config.auth.listeners }),
    },
  );
  const joining = joinOf(config.join, {
    serve: (socket) => grpc.server.serve(socket),
    over: (reason) => over(reason),
    clock,
    log,
  });
  const coresUse = hostUse(config.metrics.intervalMs, clock.now);
  const watch = new DeviceWatch({
    list: () => devices.list(),
    boards: () => devices.boards(),
    hostUse: coresUse,
    now: clock.now,
  });
  const load = loadOf({
    ...{ account, coresUse, bodies, now: clock.now },
    devices: () => watch.latest(),
    served: (model, version) => repository.serving(model, version)?.loaded,
  });
  const runbook = readRunbook();
  const loadtests = new Loadtests({
    settings: config.dashboard,
    address: () => ownAddress(config, { grpc: () => grpc.port, http: () => http.port }),
    audit: async (entry) => tenancy?.note(entry),
    clock,
    log,
  });
  const http = createHttpServer({
    ...config.http,
    tls: tlsOf(config.http.tls, gatekeeper !== undefined),
    log,
    gate: gatekeeper,
    listeners: config.auth.listeners,
    restrictions: apis.headers,
    live: () => true,
    ready,
    serverMetadata: () => serverMetadata(version),
    modelReady,
    repositoryIndex: (onlyReady, caller) =>
      indexOf(caller).filter(({ state }) => !onlyReady || state === "READY"),
    repository: control,
    sharedMemory,
    trace: tracing.control,
    logging: logControl,
    models,
    statistics,
    devices,
    gateways: () => several?.report() ?? aloneReport(self.facts()),
    registry: registry?.room,
    explain: explain && ((id, maySee) => explain.explain(id, maySee)),
    usage: tenancy?.accounting.usage,
    tenants: tenancy?.control,
    reservations: tenancy?.reservations,
    loadtests,
    runbook,
    dashboard: {
      sample: () =>
        takeSample({
          ...{ version, site: config.server.site, account, shares, devices, ready },
          authenticated: gatekeeper !== undefined,
          tenants: tenancy?.control,
          reservations: tenancy?.reservations,
          index: () => repository.index(false),
          served: () => repository.served(),
          shadows: () => shadows?.counters() ?? [],
          registryGeneration: () => registry?.registry.snapshot().generation,
          workers: () => fleet.workers(),
          cluster: () => several?.report() ?? aloneReport(self.facts()),
          waiting: () => waitingByTenant(repository),
          throttled: () => tenancy?.accounting.throttled(),
        }),
      ...{ clock, log },
      requests: samples,
    },
    inference: {
      infer: withHeaders(infer, forwarderOf(config.http.headerForwardPattern), tracing.tracer),
      signature: (model, version) => definitionOf(model, version).signature,
      load: (format, model, version) => load.header(format, model, version),
      budget: bodies,
      now: clock.now,
    },
  });
  const tlsFiles = [
    config.grpc.enabled ? tlsReloading("gRPC", config.grpc.tls, grpc.server, log) : undefined,
    config.http.enabled ? tlsReloading("HTTP", config.http.tls, http, log) : undefined,
  ].filter((files) => files !== undefined);
  const metrics = createMetrics({
    models: () => account.all(),
    others: [
      eventLoop.metric(),
      ...stalls.metrics(),
      ...grpcMetrics(() => grpc.server.stats()),
      ...deviceMetrics(
        () => devices.boards(),
        () => failovers.all(),
      ),
      ...clusterMetrics(several?.figures),
      ...shadowMetrics(() => shadows?.counters() ?? []),
      ...(tenancy?.accounting.metrics ?? refusals?.metrics ?? []),
      ...acceleratorMetrics(() => watch.latest()),
      ...bodyMetrics(() => bodies),
      ...servingMetrics(
        () => queueFigures(repository),
        () => registeredAliases(serving?.models),
      ),
      ...dialInMetrics(() => dialIn?.places() ?? []),
      ...shareMetrics(
        () => shares.all(),
        () => waitingByTenant(repository),
      ),
      ...(config.metrics.cpu ? cpuMetrics(config.metrics.intervalMs, clock.now) : []),
    ],
    histograms: account.stages?.families() ?? [],
    counterLatencies: config.metrics.counterLatencies,
    latencies: timings.metrics,
  });
  const metricsServer = createMetricsServer({
    ...{ ...config.metrics, log, gate: gatekeeper },
    ...{ metrics, runbook },
  });

  // Stopped in reverse: first nobody new gets in and what is in flight is answered
  // (HTTP still tells probes that we are not ready), then the models and workers go.
  const services: readonly Service[] = [
    ...(gatekeeper ? [gatekeeper] : []),
    ...tlsFiles,
    tracing.service,
    recording.service,
    {
      name: "event loop watch",
      start: async () => {
        eventLoop.start();
        stalls.start();
      },
      stop: async () => {
        eventLoop.stop();
        stalls.stop();
      },
    },
    {
      name: "shared memory",
      start: async () => {},
      stop: async () => sharedMemory?.close(),
    },
    ...(dialIn ? [dialIn] : []),
    { name: "workers", start: async () => {}, stop: () => fleet.close() },
    {
      name: "boards",
      start: () => devices.find(),
      stop: () => {
        leases.close();
        return boards.close();
      },
    },
    ...(tenancy ? [tenancy.service] : []),
    offered,
    ...(serving ? [serving.models] : []),
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
    // What is registered serves before anything of it changes, and before interrupted registrations go on.
    ...(registry ? [registry.service] : []),
    ...(several ? [several.countsService] : []),
    { name: "shadows", start: async () => {}, stop: async () => shadows?.close() },
    ...(config.metrics.enabled ? [metricsServer] : []),
    ...(config.http.enabled ? [http] : []),
    ...(config.grpc.enabled ? [grpc] : []),
    loadtests.service,
    ...(joining ? [joining] : []),
    ...(several ? [several.service] : []),
  ];
  const lifecycle = new Lifecycle(services, { log, clock });

  return {
    async start() {
      await lifecycle.start();
      return {
        grpcPort: config.grpc.enabled ? grpc.port : undefined,
        httpPort: config.http.enabled ? http.port : undefined,
        metricsPort: config.metrics.enabled ? metricsServer.port : undefined,
        listeners: grpc.listeners,
      };
    },
    stop: () => lifecycle.stop(Math.max(0, config.server.exitTimeoutSecs * 1000 - ENDING_MS)),
    describe: () => servedRows(repository),
    ...((gatekeeper || tenancy?.reload || tlsFiles.length > 0) && {
      reload: async () => {
        await gatekeeper?.reload();
        await tenancy?.reload?.();
        for (const files of tlsFiles) await files.reload();
      },
    }),
    registry: serving,
    over: ended,
  };
}

/** @param most 0: none */
const stageTimesOf = (most: number) => (most > 0 ? new StageTimes(most) : undefined);

function tableOf(tenants: readonly Tenant[]): TenantTable {
  const table = new TenantTable();
  table.replace(tenants);
  return table;
}

/** `NAME=DEVICE,DEVICE,...` of each group, as the group of each device. */
function linkGroupsOf(groups: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    groups.flatMap((group) => {
      const [name = "", devices = ""] = group.split("=", 2);
      return devices.split(",").map((device) => [device, name] as const);
    }),
  );
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  return (manifest as { readonly version: string }).version;
}
