/** ModelStatistics. */
import { parseModelVersion } from "../../inference/model-version.ts";
import { selectServed } from "../../inference/select-served.ts";
import { mayUse } from "../../tenants/may-use.ts";
import { type Implementation, unary } from "./unary.ts";

export interface StatisticsSource {
  /** Every version that is ready, of every model. */
  served(): Iterable<{ readonly name: string; readonly version: string }>;
  /** A `ModelStatistics` message as proto-loader takes it. */
  statistics(model: string, version: string): object;
  /** Resolves when `statistics` has what was counted up to now; absent: it always has. Never rejects. */
  readonly asOfNow?: (() => Promise<void>) | undefined;
}

interface NamedVersion {
  readonly name: string;
  readonly version: string;
}

export function statisticsHandlers(source: StatisticsSource): Implementation {
  return {
    ModelStatistics: unary(async (request: NamedVersion, _connection, caller) => {
      await source.asOfNow?.();
      const version = parseModelVersion(request.version);
      const visible = [...source.served()].filter(({ name }) => mayUse(caller, name));
      const served = selectServed(visible, request.name, version);
      return { model_stats: served.map((each) => source.statistics(each.name, each.version)) };
    }),
  };
}
