/** ModelStatistics. */
import { StatusError } from "../../errors.ts";
import { parseModelVersion } from "../../inference/model-version.ts";
import { type Implementation, unary } from "./unary.ts";

export interface StatisticsSource {
  /** Every version that is ready, of every model. */
  served(): Iterable<{ readonly name: string; readonly version: string }>;
  /** A `ModelStatistics` message as proto-loader takes it. */
  statistics(model: string, version: string): object;
}

export function statisticsHandlers(source: StatisticsSource): Implementation {
  return {
    ModelStatistics: unary((request: { readonly name: string; readonly version: string }) => {
      const version = parseModelVersion(request.version);
      let served = [...source.served()];
      if (request.name !== "") served = selected(served, request.name, version);
      return { model_stats: served.map((each) => source.statistics(each.name, each.version)) };
    }),
  };
}

function selected<T extends { readonly name: string; readonly version: string }>(
  served: readonly T[],
  name: string,
  version: string,
): T[] {
  const versions = served.filter((each) => each.name === name);
  if (versions.length === 0) throw unavailable(`requested model '${name}' is not available`);
  if (version === "") return versions;
  const one = versions.filter((each) => each.version === version);
  if (one.length === 0) {
    throw unavailable(`requested model version is not available for model '${name}'`);
  }
  return one;
}

function unavailable(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
