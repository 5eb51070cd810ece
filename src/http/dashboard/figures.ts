/** A snapshot from two samples. Pure; what cannot be known is absent, never 0. */
import type {
  BatchShare,
  DeviceFigures,
  Latency,
  LatencyCounts,
  ModelCounts,
  ModelFigures,
  ModelOnDevice,
  Sample,
  Snapshot,
  TenantFigures,
  VariantFigures,
} from "../../inference/dashboard-report.ts";
import { deviceRates, grown, type ModelRates, modelRates } from "../../inference/rates.ts";
import { alertsOf } from "./alerts.ts";

/** @param before absent: nothing is known of rates yet */
export function snapshotOf(id: number, before: Sample | undefined, now: Sample): Snapshot {
  const seconds = before && Math.max((now.clockMs - before.clockMs) / 1000, 0.001);
  const models = modelFigures(before, now, seconds);
  const figures: Omit<Snapshot, "alerts"> = {
    id,
    at: new Date(now.atMs).toISOString(),
    ...(seconds === undefined ? {} : { seconds }),
    version: now.version,
    ...(now.site && { site: now.site }),
    authenticated: now.authenticated,
    ready: now.ready,
    cluster: now.cluster,
    total: {
      requestsPerSecond: sum(models, "requestsPerSecond"),
      rowsPerSecond: sum(models, "rowsPerSecond"),
      failuresPerSecond: sum(models, "failuresPerSecond"),
      waiting: sum(models, "waiting"),
      ...latencyOf(before, now, () => true),
    },
    models,
    variants: variantFigures(before, now, models),
    drift: now.drift,
    ...(now.registryGeneration === undefined ? {} : { registryGeneration: now.registryGeneration }),
    devices: deviceFigures(before, now, seconds),
    workers: now.workers,
    tenants: tenantFigures(before, now, seconds),
    termsGeneration: now.termsGeneration,
    reservations: now.reservations,
  };
  return { ...figures, alerts: alertsOf(figures) };
}

type Summed = "requestsPerSecond" | "rowsPerSecond" | "failuresPerSecond" | "waiting";
const sum = (models: readonly ModelFigures[], what: Summed) =>
  models.reduce((all, model) => all + model[what], 0);

const keyOf = ({ name, version }: { readonly name: string; readonly version: string }) =>
  `${name}\n${version}`;

function modelFigures(
  before: Sample | undefined,
  now: Sample,
  seconds: number | undefined,
): ModelFigures[] {
  const earlier = new Map(before?.models.map((each) => [keyOf(each), each]));
  const counts = new Map(now.models.map((each) => [keyOf(each), each]));
  return now.index
    .filter(({ state, version }) => state !== "" || version !== "")
    .map(({ name, version, state, reason }) => {
      const own = counts.get(keyOf({ name, version })) ?? nothing(name, version);
      const was = earlier.get(keyOf(own));
      const rates = seconds === undefined ? NO_RATES : modelRates(was, own, seconds);
      const same = (one: LatencyCounts) => one.model === name && one.version === version;
      return {
        ...{ name, version, state, reason },
        ...rates,
        requests: own.requests,
        failures: own.failures,
        cancelledPerSecond:
          seconds === undefined ? 0 : grown(cancelled(was), cancelled(own) ?? 0) / seconds,
        waiting: own.waiting,
        ...(rates.batchRows === undefined
          ? {}
          : { batches: batchShares(was?.batches, own.batches) }),
        devices: onDevices(before, now, seconds, same),
        ...latencyOf(before, now, same),
      };
    });
}

const cancelled = (counts: ModelCounts | undefined) => counts?.failures["CANCELED"];

const NO_RATES: ModelRates = { requestsPerSecond: 0, rowsPerSecond: 0, failuresPerSecond: 0 };

const nothing = (name: string, version: string): ModelCounts => ({
  ...{ name, version, requests: 0, failed: 0, failures: {}, rows: 0, executions: 0 },
  ...{ queueNs: 0, computeNs: 0, computed: 0, waiting: 0, batches: [] },
});

/** By powers of two, so that they are few. */
function batchShares(
  before: ModelCounts["batches"] = [],
  now: ModelCounts["batches"],
): BatchShare[] {
  const earlier = new Map(before);
  const sums = new Map<number, number>();
  let all = 0;
  for (const [rows, executions] of now) {
    const ran = grown(earlier.get(rows), executions);
    if (ran === 0) continue;
    const upToRows = 2 ** Math.ceil(Math.log2(Math.max(1, rows)));
    sums.set(upToRows, (sums.get(upToRows) ?? 0) + ran);
    all += ran;
  }
  const shares = Array.from(sums, ([upToRows, ran]) => ({ upToRows, share: ran / all }));
  return shares.sort((one, other) => one.upToRows - other.upToRows);
}

function onDevices(
  before: Sample | undefined,
  now: Sample,
  seconds: number | undefined,
  ofModel: (one: LatencyCounts) => boolean,
): ModelOnDevice[] {
  const own = now.latencies?.filter(ofModel) ?? [];
  return [...new Set(own.map(({ device }) => device))].map((device) => {
    const same = (one: LatencyCounts) => one.device === device && ofModel(one);
    const answered = own.filter(same).reduce((all, { counts }) => all + countAll(counts), 0);
    const came = countAll(grownCounts(before, now, same).counts);
    return {
      device,
      requests: answered,
      requestsPerSecond: seconds === undefined ? 0 : came / seconds,
      ...latencyOf(before, now, same),
    };
  });
}

/** A device that is between two variants of a model counts for the one that it has. */
function variantFigures(
  before: Sample | undefined,
  now: Sample,
  models: readonly ModelFigures[],
): VariantFigures[] {
  const byModel = new Map(models.map((each) => [keyOf(each), each.devices]));
  return now.variants.map((variant) => {
    const { model, version } = variant;
    const devices = byModel.get(keyOf({ name: model, version })) ?? [];
    const own = devices.filter(({ device }) => variant.devices.includes(device));
    const isKnown = areToldApart(
      before,
      now,
      (one) => one.model === "" || (one.model === model && one.version === version),
    );
    const requestsPerSecond = own.reduce((all, one) => all + one.requestsPerSecond, 0);
    return { ...variant, ...(isKnown && { requestsPerSecond }) };
  });
}

/** False: some that came between the two samples are counted together with others. */
function areToldApart(
  before: Sample | undefined,
  now: Sample,
  which: (one: LatencyCounts) => boolean,
): boolean {
  if (now.latencies === undefined) return false;
  const rest = grownCounts(before, now, (one) => one.isRest === true && which(one));
  return countAll(rest.counts) === 0;
}

function deviceFigures(
  before: Sample | undefined,
  now: Sample,
  seconds: number | undefined,
): DeviceFigures[] {
  const earlier = new Map(before?.devices.map((device) => [device.id, device]));
  return now.devices.map((device) =>
    seconds === undefined
      ? device
      : { ...device, ...deviceRates(earlier.get(device.id), device, seconds) },
  );
}

function tenantFigures(
  before: Sample | undefined,
  now: Sample,
  seconds: number | undefined,
): TenantFigures[] {
  const used = timeByTenant(now);
  const earlier = before && timeByTenant(before);
  const grew = (tenant: string, what: "usedUs" | "borrowedUs") =>
    grown(earlier?.get(tenant)?.[what], used.get(tenant)?.[what] ?? 0);
  const throttled = (tenant: string) =>
    grown(before?.throttled?.get(tenant) ?? 0, now.throttled?.get(tenant) ?? 0);
  const isKnown = areToldApart(before, now, () => true);
  const total = now.tenants.reduce((all, { name }) => all + grew(name, "usedUs"), 0);
  return now.tenants.map((tenant) => {
    const { name } = tenant;
    const own = grew(name, "usedUs");
    const requests = countAll(grownCounts(before, now, (one) => one.tenant === name).counts);
    const waiting = now.waiting.filter((one) => one.tenant === name);
    return {
      ...tenant,
      ...(isKnown && { requestsPerSecond: seconds === undefined ? 0 : requests / seconds }),
      ...(before?.throttled === undefined || now.throttled === undefined || seconds === undefined
        ? {}
        : { throttledPerSecond: throttled(name) / seconds }),
      waiting: waiting.reduce((all, { rows }) => all + rows, 0),
      ...(before && total > 0 ? { share: own / total } : {}),
      ...(before && own > 0 ? { borrowed: grew(name, "borrowedUs") / own } : {}),
    };
  });
}

function timeByTenant({ tenantTime }: Sample) {
  const times = new Map<string, { usedUs: number; borrowedUs: number }>();
  for (const { tenant, usedUs, borrowedUs } of tenantTime) {
    const time = times.get(tenant) ?? { usedUs: 0, borrowedUs: 0 };
    times.set(tenant, {
      usedUs: time.usedUs + usedUs,
      borrowedUs: time.borrowedUs + borrowedUs,
    });
  }
  return times;
}

// Latencies ------------------------------------------------------------------

const countAll = (counts: readonly number[]) => counts.reduce((all, one) => all + one, 0);

/** Requests by bucket that came between the two samples. */
function grownCounts(
  before: Sample | undefined,
  now: Sample,
  counts: (one: LatencyCounts) => boolean,
): { bounds: readonly number[]; counts: number[] } {
  const sums: number[] = [];
  let bounds: readonly number[] = [];
  const add = (sample: Sample, sign: 1 | -1) => {
    for (const one of sample.latencies ?? []) {
      if (!counts(one)) continue;
      bounds = one.bounds;
      for (const [at, count] of one.counts.entries()) sums[at] = (sums[at] ?? 0) + sign * count;
    }
  };
  add(now, 1);
  if (before) add(before, -1);
  return { bounds, counts: sums.map((count) => Math.max(0, count)) };
}

function latencyOf(
  before: Sample | undefined,
  now: Sample,
  which: (one: LatencyCounts) => boolean,
): Latency {
  if (before === undefined) return {};
  const { bounds, counts } = grownCounts(before, now, which);
  if (countAll(counts) === 0) return {};
  const ms = (part: number) => 1000 * quantile(bounds, counts, part);
  return { p50Ms: ms(0.5), p99Ms: ms(0.99), p999Ms: ms(0.999) };
}

/** Linear within a bucket; what lies above all bounds is told as the last of them. */
export function quantile(
  bounds: readonly number[],
  counts: readonly number[],
  part: number,
): number {
  const wanted = part * countAll(counts);
  let seen = 0;
  for (const [at, bound] of bounds.entries()) {
    const own = counts[at] ?? 0;
    if (own > 0 && seen + own >= wanted) {
      const from = at === 0 ? 0 : (bounds[at - 1] ?? 0);
      return from + ((bound - from) * (wanted - seen)) / own;
    }
    seen += own;
  }
  return bounds.at(-1) ?? 0;
}
