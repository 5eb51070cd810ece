/** What the dashboard is made from, each from the room that knows it. */
import type {
  DriftFigures,
  LatencyCounts,
  ModelCounts,
  Sample,
  WorkerFigures,
} from "../inference/dashboard-report.ts";
import type { DeviceControl } from "../inference/device-report.ts";
import type { ClusterReport } from "../inference/gateway-report.ts";
import type { ReservationControl } from "../inference/reservation-report.ts";
import type { TenantControl } from "../inference/tenant-report.ts";
import type { IndexEntry, ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import type { ModelAccount } from "../telemetry/account.ts";
import type { ShadowFigures } from "../telemetry/shadow-metrics.ts";
import type { WaitingFigures } from "../telemetry/share-metrics.ts";
import { isRest, isRestOfModels, type StageTimes } from "../telemetry/stage-times.ts";
import type { DeviceShares } from "./device-shares.ts";
import { servedVariants } from "./served-variants.ts";

export interface DashboardSources {
  readonly version: string;
  readonly site: string;
  readonly authenticated: boolean;
  readonly account: ModelAccount;
  readonly shares: DeviceShares;
  readonly devices: Pick<DeviceControl, "list">;
  readonly tenants: TenantControl | undefined;
  readonly reservations: ReservationControl | undefined;
  ready(): boolean;
  index(): readonly IndexEntry[];
  served(): readonly ServedModel<Served>[];
  /** Of artifacts that compute live requests once more. */
  shadows(): Iterable<ShadowFigures>;
  /** Of the registry; undefined: there is none. */
  registryGeneration(): number | undefined;
  workers(): readonly WorkerFigures[];
  cluster(): ClusterReport;
  waiting(): readonly WaitingFigures[];
  /** See `Accounting.throttled`; undefined: no ledger is kept. */
  throttled(): ReadonlyMap<string, number> | undefined;
}

export async function takeSample(sources: DashboardSources): Promise<Sample> {
  const { version, site, authenticated, account, tenants, reservations } = sources;
  const devices = await sources.devices.list();
  const terms = tenants?.list();
  return {
    atMs: Date.now(),
    clockMs: performance.now(),
    ...{ version, site, authenticated, devices },
    ready: sources.ready(),
    cluster: sources.cluster(),
    index: sources.index(),
    models: [...modelCounts(account)],
    latencies: account.stages && [...latencyCounts(account.stages)],
    variants: [...servedVariants(sources.served())],
    drift: Array.from(sources.shadows(), driftOf),
    registryGeneration: sources.registryGeneration(),
    workers: sources.workers(),
    tenants: authenticated ? (terms?.tenants ?? []) : [],
    termsGeneration: terms?.generation ?? 0,
    tenantTime: [...sources.shares.all()],
    waiting: sources.waiting(),
    throttled: sources.throttled(),
    reservations: reservations?.list().reservations ?? [],
  };
}

function* modelCounts(account: ModelAccount): Generator<ModelCounts> {
  for (const counters of account.all()) {
    const { model, version, success, fail, failures, queue, computeInfer } = counters;
    yield {
      name: model,
      version,
      requests: success.count,
      failed: fail.count,
      failures: { ...failures },
      rows: counters.inferenceCount,
      executions: counters.executionCount,
      queueNs: Number(queue.ns.value),
      computeNs: Number(computeInfer.ns.value),
      computed: computeInfer.count,
      waiting: counters.pending,
      batches: Array.from(counters.batches, ([rows, { infer }]) => [rows, infer.count] as const),
    };
  }
}

export function* latencyCounts(stages: Pick<StageTimes, "requests">): Generator<LatencyCounts> {
  for (const { labels, buckets } of stages.requests()) {
    const counts = Array.from({ length: buckets.bounds.length + 1 }, (_, at) => buckets.at(at));
    const rest = isRest(labels) && ({ isRest: true } as const);
    const model = isRestOfModels(labels) && { model: "" };
    yield { ...labels, ...model, bounds: buckets.bounds, counts, ...rest };
  }
}

function driftOf({ errors, deviceUs: _, gatewayUs: __, ...figures }: ShadowFigures): DriftFigures {
  const largest = Array.from(errors.values(), ({ unit, edges, counts }) => {
    const atMost = edges[counts.findLastIndex((count) => count > 0)];
    return { unit, ...(atMost === undefined ? {} : { atMost }) };
  });
  const { model, version, variant, rows, failingRows } = figures;
  const { decisionFlips, droppedRows, failedRows, demotions } = figures;
  return {
    ...{ model, version, variant, rows, failingRows, decisionFlips, droppedRows, failedRows },
    ...{ demotions, errors: largest },
  };
}
