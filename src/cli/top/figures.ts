/** Rates between two samples; pure. What cannot be known is undefined, never 0. */
import type { DeviceReport } from "../../inference/device-report.ts";
import {
  type DeviceRates,
  deviceRates,
  grown,
  type ModelRates,
  type ModelWork,
  modelRates,
} from "../../inference/rates.ts";
import type { HourlyUsage } from "../../inference/usage.ts";
import type { ModelCounts, Sample } from "./sample.ts";

export interface ModelFigures extends ModelRates {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
}

export interface DeviceFigures
  extends DeviceRates,
    Pick<
      DeviceReport,
      | "id"
      | "vendor"
      | "platform"
      | "state"
      | "emulated"
      | "model"
      | "breaker"
      | "leasedTo"
      | "temperatureC"
      | "powerW"
      | "utilisation"
    > {}

export interface TenantFigures {
  readonly name: string;
  readonly weight: number;
  readonly guarantee: number;
  readonly requestsPerSecond?: number;
  readonly rowsPerSecond?: number;
  readonly refusedPerSecond?: number;
  /** Part of the device time that tenants used; undefined where nobody used any. */
  readonly share?: number;
  /** Of each limit that is set: what is used of it, 0 to 1. */
  readonly quotaUsed: Readonly<Record<string, number>>;
}

export interface Figures {
  readonly seconds: number;
  /** Busiest first; those that do not serve before those that are idle. */
  readonly models: readonly ModelFigures[];
  readonly devices: readonly DeviceFigures[] | string;
  readonly tenants: readonly TenantFigures[] | string;
}

export function figuresBetween(before: Sample, now: Sample): Figures {
  const seconds = Math.max((now.at - before.at) / 1000, 0.001);
  return {
    seconds,
    models: modelFigures(before, now, seconds),
    devices: deviceFigures(before, now, seconds),
    tenants: tenantFigures(before, now, seconds),
  };
}

const keyOf = ({ name, version = "" }: { readonly name: string; readonly version?: string }) =>
  `${name}\n${version}`;

function modelFigures(before: Sample, now: Sample, seconds: number): ModelFigures[] {
  const earlier = new Map(before.models.map((each) => [keyOf(each), each]));
  const states = new Map(now.index.map((each) => [keyOf(each), each]));
  const running = now.models.map((each) => {
    const entry = states.get(keyOf(each));
    states.delete(keyOf(each));
    return ofModel(earlier.get(keyOf(each)), each, seconds, entry?.state, entry?.reason);
  });
  const others = [...states.values()].map(({ name, version = "", state = "", reason = "" }) => ({
    ...{ name, version, state, reason },
    ...{ requestsPerSecond: 0, failuresPerSecond: 0, rowsPerSecond: 0 },
  }));
  const broken = ({ state }: ModelFigures) => (state === "READY" ? 1 : 0);
  return [...running, ...others].sort(
    (a, b) =>
      b.rowsPerSecond - a.rowsPerSecond ||
      b.requestsPerSecond + b.failuresPerSecond - a.requestsPerSecond - a.failuresPerSecond ||
      broken(a) - broken(b) ||
      (a.name < b.name ? -1 : 1),
  );
}

function ofModel(
  before: ModelCounts | undefined,
  now: ModelCounts,
  seconds: number,
  state = "READY",
  reason = "",
): ModelFigures {
  const { name, version } = now;
  const rates = modelRates(before && workOf(before), workOf(now), seconds);
  return { name, version, state, reason, ...rates };
}

function workOf({ inference_count, execution_count, inference_stats }: ModelCounts): ModelWork {
  const { success, fail, queue, compute_infer } = inference_stats;
  return {
    requests: success.count,
    failed: fail.count,
    rows: inference_count,
    executions: execution_count,
    queueNs: queue.ns,
    computeNs: compute_infer.ns,
    computed: compute_infer.count,
  };
}

function deviceFigures(before: Sample, now: Sample, seconds: number) {
  if (typeof now.devices === "string") return now.devices;
  const told = typeof before.devices === "string" ? [] : before.devices;
  const earlier = new Map(told.map((each) => [each.id, each]));
  return now.devices.map((device): DeviceFigures => {
    const { id, vendor, platform, state, emulated, model } = device;
    const { breaker, leasedTo, temperatureC, powerW, utilisation } = device;
    return {
      ...{ id, vendor, platform, state, emulated, model },
      ...known({ breaker, leasedTo, temperatureC, powerW, utilisation }),
      ...deviceRates(earlier.get(id), device, seconds),
    };
  });
}

type Known<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function known<T extends object>(values: T): Known<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Known<T>;
}

function tenantFigures(before: Sample, now: Sample, seconds: number) {
  if (typeof now.tenants === "string") return now.tenants;
  const used = typeof now.usage === "string" ? undefined : byTenant(now.usage);
  const earlier = typeof before.usage === "string" ? new Map() : byTenant(before.usage);
  const grew = (tenant: string, what: keyof Used) =>
    grown(earlier.get(tenant)?.[what], used?.get(tenant)?.[what] ?? 0);
  const names = now.tenants.tenants.map(({ name }) => name);
  const total = names.reduce((sum, name) => sum + grew(name, "deviceSeconds"), 0);
  return now.tenants.tenants.map((tenant): TenantFigures => {
    const { name, weight, guarantee, quota, used: usedNow } = tenant;
    const quotaUsed = Object.entries(quota).map(([limit, most]) => {
      return [limit, (usedNow[limit as keyof typeof usedNow] ?? 0) / (most || 1)] as const;
    });
    return {
      ...{ name, weight, guarantee },
      quotaUsed: Object.fromEntries(quotaUsed),
      ...(used === undefined
        ? {}
        : {
            requestsPerSecond: grew(name, "requests") / seconds,
            rowsPerSecond: grew(name, "rows") / seconds,
            refusedPerSecond: grew(name, "refused") / seconds,
          }),
      ...(used !== undefined && total > 0 ? { share: grew(name, "deviceSeconds") / total } : {}),
    };
  });
}

interface Used {
  requests: number;
  rows: number;
  deviceSeconds: number;
  refused: number;
}

function byTenant(lines: readonly HourlyUsage[]): Map<string, Used> {
  const sums = new Map<string, Used>();
  for (const line of lines) {
    const sum = sums.get(line.tenant) ?? { requests: 0, rows: 0, deviceSeconds: 0, refused: 0 };
    sum.requests += line.requests;
    sum.rows += line.rows;
    sum.deviceSeconds += line.deviceSeconds;
    for (const count of Object.values(line.refused)) sum.refused += count;
    sums.set(line.tenant, sum);
  }
  return sums;
}
