/** `GET /v2/models[/{model}[/versions/{version}]]/stats`. */
import type { FastifyInstance } from "fastify";
import { parseModelVersion } from "../inference/model-version.ts";
import { selectServed } from "../inference/select-served.ts";
import { route, sendJson } from "./app.ts";
import { type ModelParams, modelPaths } from "./model-pages.ts";

export interface StatisticsSource {
  /** Every version that is ready, of every model. */
  served(): Iterable<{ readonly name: string; readonly version: string }>;
  /** A `ModelStatistics` message with its 64-bit integers as text. */
  statistics(model: string, version: string): object;
}

/** Counters, which are numbers in JSON; as text they keep every digit until they are written. */
const COUNTERS =
  /"(count|ns|last_inference|inference_count|execution_count|batch_size|byte_size|id)":"(-?\d+)"/g;

export function addStatistics(app: FastifyInstance, source: StatisticsSource): void {
  const answer = (model: string, version: string): string => {
    const served = selectServed([...source.served()], model, version);
    const stats = served.map(({ name, version }) => source.statistics(name, version));
    // Quotes inside a text are escaped, so nothing but a member matches.
    return JSON.stringify({ model_stats: stats }).replace(COUNTERS, '"$1":$2');
  };
  route(app, "GET", "/v2/models/stats", (_request, reply) => sendJson(reply, answer("", "")));
  for (const url of modelPaths("/stats")) {
    route<ModelParams>(app, "GET", url, ({ params: { model, version = "" } }, reply) =>
      sendJson(reply, answer(model, parseModelVersion(version))),
    );
  }
}
