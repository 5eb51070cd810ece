/** The listener of `--http-port`: Triton's HTTP protocol. */
import type { FastifyInstance } from "fastify";
import type { DeviceControl } from "../inference/device-report.ts";
import type { ClusterReport } from "../inference/gateway-report.ts";
import type { LoadtestControl } from "../inference/loadtest-report.ts";
import type { RequestSampling } from "../inference/request-sample.ts";
import type { ReservationControl } from "../inference/reservation-report.ts";
import type { Restrictions } from "../inference/restriction.ts";
import type { SharedMemoryControl } from "../inference/shared-regions.ts";
import type { TenantControl } from "../inference/tenant-report.ts";
import type { Logger } from "../logger.ts";
import type { ServerName } from "../tenants/origin.ts";
import type { TlsOptions } from "../tenants/tls/tls-files.ts";
import { createApp } from "./app.ts";
import { authorize, type Gate, type OriginOf, originsOf } from "./authorize.ts";
import { addDashboard } from "./dashboard/endpoint.ts";
import { Sampler, type SamplerParts } from "./dashboard/sampler.ts";
import { Sessions } from "./dashboard/sessions.ts";
import { addDevices } from "./devices.ts";
import { DirectLane } from "./direct/direct-lane.ts";
import { addExplain, type Explain } from "./explain.ts";
import { addGateways } from "./gateways.ts";
import { addGenerate } from "./generate/endpoint.ts";
import { addHealth, type HealthSource } from "./health.ts";
import { addInfer } from "./infer/endpoint.ts";
import type { InferRoom } from "./infer/http-call.ts";
import { HttpListener } from "./listener.ts";
import { addLoadtests } from "./loadtests.ts";
import { addLogSettings, type LogControl } from "./log-settings.ts";
import { addModelPages, type ModelLookup } from "./model-pages.ts";
import { addModelReady, type ModelReady } from "./model-ready.ts";
import { addOpenApi } from "./openapi/endpoint.ts";
import { addRegistry } from "./registry/endpoint.ts";
import type { RegistryRoom } from "./registry/room.ts";
import { addRepositoryControl, type RepositoryControl } from "./repository-control.ts";
import { addRepositoryIndex, type RepositoryIndex } from "./repository-index.ts";
import { restrict } from "./restricted.ts";
import { addRunbook, type RunbookPages } from "./runbook.ts";
import { Secure } from "./secure.ts";
import { addServerMetadata, type ServerMetadata } from "./server-metadata.ts";
import { addSharedMemory } from "./shared-memory.ts";
import { addStatistics, type StatisticsSource } from "./statistics.ts";
import { addReservations } from "./tenancy/reservations.ts";
import { addTenants } from "./tenancy/tenants.ts";
import { addUsage, type UsageSource } from "./tenancy/usage.ts";
import { addTraceSetting, type TraceControl } from "./trace-setting.ts";
import { UnreadAnswers } from "./unread-answers.ts";
import { addWho } from "./who.ts";

export interface HttpServerOptions extends HealthSource {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly maxInputBytes: number;
  readonly log: Logger;
  /** undefined: nobody is asked who he is. */
  readonly gate?: Gate | undefined;
  /** undefined: HTTP without TLS. */
  readonly tls?: TlsOptions | undefined;
  /** Names of this server in TLS that say who calls. */
  readonly listeners?: readonly ServerName[];
  /** Groups of URLs that need a header. */
  readonly restrictions?: Restrictions;
  serverMetadata(): ServerMetadata;
  readonly modelReady: ModelReady;
  readonly repositoryIndex: RepositoryIndex;
  readonly repository: RepositoryControl;
  /** undefined: switched off. */
  readonly sharedMemory: SharedMemoryControl | undefined;
  readonly trace: TraceControl;
  readonly logging: LogControl;
  readonly models: ModelLookup;
  readonly statistics: StatisticsSource;
  readonly devices: DeviceControl;
  gateways(): ClusterReport;
  /** undefined: this gateway keeps no registry. */
  readonly registry?: RegistryRoom | undefined;
  /** undefined: nothing is kept of requests. */
  readonly explain?: Explain | undefined;
  /** undefined: no ledger is kept. */
  readonly usage?: UsageSource | undefined;
  /** undefined: this gateway knows no tenants. */
  readonly tenants?: TenantControl | undefined;
  /** undefined: this gateway keeps no calendar. */
  readonly reservations?: ReservationControl | undefined;
  /** undefined: it runs no load tests. */
  readonly loadtests?: LoadtestControl | undefined;
  readonly runbook: RunbookPages;
  /** undefined: there is no dashboard. */
  readonly dashboard?: (SamplerParts & { readonly requests: RequestSampling }) | undefined;
  readonly inference: Omit<InferRoom, "maxInputBytes" | "closing">;
}

export function createHttpServer(options: HttpServerOptions): HttpListener {
  const secure = options.tls && new Secure(options.tls, options.log);
  const app = createApp({ maxBodyBytes: options.maxInputBytes, log: options.log, secure });
  const originOf = originsOf(options.listeners);
  const sessions = options.gate && new Sessions();
  authorize(app, options.gate, originOf, sessions);
  if (options.restrictions) restrict(app, options.restrictions);
  const closing = () => listener.closing;
  addRoutes(app, options, closing, originOf);
  const { dashboard, gate } = options;
  const login = gate && sessions && { gate, sessions, originOf };
  addDashboard(
    app,
    dashboard && { sampler: new Sampler(dashboard), requests: dashboard.requests, login },
  );
  // Restrictions are Fastify's hooks: where they are about inference every request passes them.
  const restricted = options.restrictions?.has("inference") === true;
  const listener: HttpListener = new HttpListener(
    "http",
    "HTTPService",
    "--http-port",
    app,
    options,
    restricted ? undefined : new DirectLane(inferRoom(options, closing), options.gate, originOf),
    secure,
  );
  // After the lane, which takes the place of those who wait for connections before it.
  new UnreadAnswers(options.inference.budget.totalBytes / 2).attach(app.server);
  return listener;
}

/** @param closing true once no new connections are taken */
function addRoutes(
  app: FastifyInstance,
  options: HttpServerOptions,
  closing: () => boolean,
  originOf: OriginOf,
): void {
  addServerMetadata(app, () => options.serverMetadata());
  addOpenApi(app, () => options.serverMetadata().version);
  addHealth(app, options);
  addModelReady(app, options.modelReady);
  addRepositoryIndex(app, options.repositoryIndex);
  addRepositoryControl(app, options.repository);
  addSharedMemory(app, options.sharedMemory);
  addTraceSetting(app, options.trace);
  addLogSettings(app, options.logging);
  addModelPages(app, options.models);
  addStatistics(app, options.statistics);
  addDevices(app, options.devices);
  addGateways(app, () => options.gateways());
  addWho(app);
  addRegistry(app, options.registry, closing);
  addExplain(app, options.explain);
  addUsage(app, options.usage);
  addTenants(app, options.tenants);
  addReservations(app, options.reservations);
  addLoadtests(app, { control: options.loadtests, gate: options.gate, originOf });
  addRunbook(app, options.runbook);
  const room = inferRoom(options, closing);
  addInfer(app, room);
  addGenerate(app, room);
}

function inferRoom({ inference, maxInputBytes }: HttpServerOptions, closing: () => boolean) {
  return { ...inference, maxInputBytes, closing } satisfies InferRoom;
}
