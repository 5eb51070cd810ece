/** Rates between two samples; pure. What cannot be known is undefined, never 0. */
import type { DeviceReport } from "../../inference/device-report.ts";
import type { HourlyUsage } from "../../inference/usage.ts";
import type { ModelCounts, Sample } from "./sample.ts";

export interface ModelFigures {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
  readonly requestsPerSecond: number;
  readonly failuresPerSecond: number;
  readonly rowsPerSecond: number;
  /** Rows of a batch, mean; undefined where none ran. */
  readonly batchRows?: number;
  /** Of a request, mean ms; undefined where none was answered. */
  readonly queueMs?: number;
  readonly computeMs?: number;
}

export interface DeviceFigures
  extends Pick<
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
  > {
  /** 0 to 1 of the time; undefined where it is not measured. */
  readonly busy?: number;
  readonly rowsPerSecond?: number;
}

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

/** A counter that fell belongs to a model or a gateway that began anew: it counts from 0. */
const grown = (before: number | undefined, now: number) =>
  before === undefined || now < before ? now : now - before;

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
  const stats = (what: keyof ModelCounts["inference_stats"]) => ({
    count: grown(before?.inference_stats[what].count, now.inference_stats[what].count),
    ns: grown(before?.inference_stats[what].ns, now.inference_stats[what].ns),
  });
  const rows = grown(before?.inference_count, now.inference_count);
  const batches = grown(before?.execution_count, now.execution_count);
  const meanMs = ({ count, ns }: { count: number; ns: number }) => ns / count / 1e6;
  const [queue, compute] = [stats("queue"), stats("compute_infer")];
  return {
    ...{ name, version, state, reason },
    requestsPerSecond: stats("success").count / seconds,
    failuresPerSecond: stats("fail").count / seconds,
    rowsPerSecond: rows / seconds,
    ...(batches > 0 ? { batchRows: rows / batches } : {}),
    ...(queue.count > 0 ? { queueMs: meanMs(queue) } : {}),
    ...(compute.count > 0 ? { computeMs: meanMs(compute) } : {}),
  };
}

function deviceFigures(before: Sample, now: Sample, seconds: number) {
  if (typeof now.devices === "string") return now.devices;
  const told = typeof before.devices === "string" ? [] : before.devices;
  const earlier = new Map(told.map((each) => [each.id, each]));
  return now.devices.map((device): DeviceFigures => {
    const { id, vendor, platform, state, emulated, model, busySeconds, rows } = device;
    const { breaker, leasedTo, temperatureC, powerW, utilisation } = device;
    const was = earlier.get(id);
    return {
      ...{ id, vendor, platform, state, emulated, model },
      ...known({ breaker, leasedTo, temperatureC, powerW, utilisation }),
      ...(busySeconds === undefined
        ? {}
        : { busy: Math.min(grown(was?.busySeconds, busySeconds) / seconds, 1) }),
      ...(rows === undefined ? {} : { rowsPerSecond: grown(was?.rows, rows) / seconds }),
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
