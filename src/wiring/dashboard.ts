/** What the dashboard is made from, each from the room that knows it. */
import type { LatencyCounts, ModelCounts, Sample } from "../inference/dashboard-report.ts";
import type { DeviceControl } from "../inference/device-report.ts";
import type { ClusterReport } from "../inference/gateway-report.ts";
import type { ReservationControl } from "../inference/reservation-report.ts";
import type { TenantControl } from "../inference/tenant-report.ts";
import type { IndexEntry } from "../registry/types.ts";
import type { ModelAccount } from "../telemetry/account.ts";
import type { WaitingFigures } from "../telemetry/share-metrics.ts";
import type { DeviceShares } from "./device-shares.ts";

export interface DashboardSources {
  readonly version: string;
  readonly authenticated: boolean;
  readonly account: ModelAccount;
  readonly shares: DeviceShares;
  readonly devices: Pick<DeviceControl, "list">;
  readonly tenants: TenantControl | undefined;
  readonly reservations: ReservationControl | undefined;
  ready(): boolean;
  index(): readonly IndexEntry[];
  cluster(): ClusterReport;
  waiting(): readonly WaitingFigures[];
}

export async function takeSample(sources: DashboardSources): Promise<Sample> {
  const { version, authenticated, account, tenants, reservations } = sources;
  const devices = await sources.devices.list();
  const terms = tenants?.list();
  return {
    atMs: Date.now(),
    ...{ version, authenticated, devices },
    ready: sources.ready(),
    cluster: sources.cluster(),
    index: sources.index(),
    models: [...modelCounts(account)],
    latencies: [...latencyCounts(account)],
    tenants: authenticated ? (terms?.tenants ?? []) : [],
    termsGeneration: terms?.generation ?? 0,
    tenantTime: [...sources.shares.all()],
    waiting: sources.waiting(),
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
      waiting: counters.pending,
    };
  }
}

/** Over devices: the page tells of models and tenants. */
function latencyCounts(account: ModelAccount): Iterable<LatencyCounts> {
  const sums = new Map<string, { -readonly [K in keyof LatencyCounts]: LatencyCounts[K] }>();
  for (const { labels, buckets } of account.stages?.requests() ?? []) {
    const { model, version, tenant } = labels;
    const key = JSON.stringify([model, version, tenant]);
    const counts = Array.from({ length: buckets.bounds.length + 1 }, (_, at) => buckets.at(at));
    const sum = sums.get(key);
    if (sum === undefined)
      sums.set(key, { model, version, tenant, bounds: buckets.bounds, counts });
    else sum.counts = sum.counts.map((count, at) => count + (counts[at] ?? 0));
  }
  return sums.values();
}
