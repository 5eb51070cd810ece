/** What a gateway tells at one moment, as far as it tells the one who asks. */
import type { DeviceReport } from "../../inference/device-report.ts";
import type { TenantList } from "../../inference/tenant-report.ts";
import type { HourlyUsage } from "../../inference/usage.ts";
import type { GatewayAddress } from "../gateway-address.ts";
import { askGateway, Refused } from "../gateway-client.ts";

interface Duration {
  readonly count: number;
  readonly ns: number;
}

/** `ModelStatistics` of the protocol in JSON, as far as it is shown. */
export interface ModelCounts {
  readonly name: string;
  readonly version: string;
  /** Rows, and batches. */
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<
    Record<"success" | "fail" | "queue" | "compute_infer", Duration>
  >;
}

export interface IndexEntry {
  readonly name: string;
  readonly version?: string;
  readonly state?: string;
  readonly reason?: string;
}

export interface Sample {
  /** ms, of a clock that only goes forward. */
  readonly at: number;
  readonly models: readonly ModelCounts[];
  readonly index: readonly IndexEntry[];
  /** A text: why it is not told. */
  readonly devices: readonly DeviceReport[] | string;
  readonly tenants: TenantList | string;
  readonly usage: readonly HourlyUsage[] | string;
}

/**
 * @param usageFrom ISO 8601; the same for samples that are compared
 * @throws NoGateway, HungUp; Refused where not even models are told
 */
export async function takeSample(gateway: GatewayAddress, usageFrom: string): Promise<Sample> {
  const from = encodeURIComponent(usageFrom);
  const [stats, index, devices, tenants, usage] = await Promise.all([
    askGateway(gateway, "GET", "/v2/models/stats") as Promise<{ model_stats: ModelCounts[] }>,
    askGateway(gateway, "POST", "/v2/repository/index", {}) as Promise<IndexEntry[]>,
    told<readonly DeviceReport[]>(gateway, "/v2/beamgate/devices"),
    told<TenantList>(gateway, "/v2/beamgate/tenants"),
    told<readonly HourlyUsage[]>(gateway, `/v2/beamgate/usage?by=total&from=${from}`),
  ]);
  const { model_stats: models } = stats;
  return { at: performance.now(), models, index, devices, tenants, usage };
}

/** Early enough for two clocks that differ, and the same for all samples that are compared. */
export function usageFrom(): string {
  return new Date(Date.now() - 3_600_000).toISOString();
}

async function told<T>(gateway: GatewayAddress, path: string): Promise<T | string> {
  try {
    return (await askGateway(gateway, "GET", path)) as T;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}
