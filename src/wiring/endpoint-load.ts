/** What answers tell balancers of this gateway's load, put together from who knows it. */
import type { ByteBudget } from "../inference/byte-budget.ts";
import type { Served } from "../scheduling/served.ts";
import type { ModelAccount } from "../telemetry/account.ts";
import type { WatchedDevice } from "../telemetry/device-watch.ts";
import { EndpointLoad } from "../telemetry/endpoint-load.ts";

export interface EndpointLoadParts {
  readonly account: Pick<ModelAccount, "counters">;
  /** How busy the host's cores are, 0 to 1. */
  coresUse(): number;
  readonly bodies: Pick<ByteBudget, "totalBytes" | "usedBytes">;
  devices(): readonly WatchedDevice[];
  served(model: string, version: string): Served | undefined;
  /** Monotonic ms. */
  now(): number;
}

export function loadOf(parts: EndpointLoadParts): EndpointLoad {
  const { account, bodies } = parts;
  return new EndpointLoad((model, version) => {
    const uses = parts.devices().flatMap(({ use }) => (use === undefined ? [] : [use]));
    return {
      cpu: parts.coresUse(),
      memory: bodies.usedBytes / bodies.totalBytes,
      devices: uses.length === 0 ? undefined : Math.max(...uses),
      secondsAhead: parts.served(model, version)?.secondsAhead,
      pending: account.counters(model, version).pending,
    };
  }, parts.now);
}
