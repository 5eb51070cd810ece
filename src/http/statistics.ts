/** `GET /v2/models[/{model}[/versions/{version}]]/stats`. */
import type { FastifyInstance } from "fastify";
import type { Caller } from "../inference/caller.ts";
import { parseModelVersion } from "../inference/model-version.ts";
import { selectServed } from "../inference/select-served.ts";
import { mayUse } from "../tenants/may-use.ts";
import { route, sendJson } from "./app.ts";
import { callerOfRequest } from "./caller.ts";
import { type ModelParams, modelPaths } from "./model-pages.ts";

export interface StatisticsSource {
  /** Every version that is ready, of every model. */
  served(): Iterable<{ readonly name: string; readonly version: string }>;
  /** A `ModelStatistics` message with its 64-bit integers as text. */
  statistics(model: string, version: string): object;
  /** Resolves when `statistics` has what was counted up to now; absent: it always has. Never rejects. */
  readonly asOfNow?: (() => Promise<void>) | undefined;
}

/** Counters, which are numbers in JSON; as text they keep every digit until they are written. */
const COUNTERS =
  /"(count|ns|last_inference|inference_count|execution_count|batch_size|byte_size|id)":"(-?\d+)"/g;

export function addStatistics(app: FastifyInstance, source: StatisticsSource): void {
  const answer = async (caller: Caller | undefined, model: string, version: string) => {
    await source.asOfNow?.();
    const visible = [...source.served()].filter(({ name }) => mayUse(caller, name));
    const served = selectServed(visible, model, version);
    const stats = served.map(({ name, version }) => source.statistics(name, version));
    // Quotes inside a text are escaped, so nothing but a member matches.
    return JSON.stringify({ model_stats: stats }).replace(COUNTERS, '"$1":$2');
  };
  route(app, "GET", "/v2/models/stats", async (request, reply) =>
    sendJson(reply, await answer(callerOfRequest(request), "", "")),
  );
  for (const url of modelPaths("/stats")) {
    route<ModelParams>(app, "GET", url, async (request, reply) => {
      const { model, version = "" } = request.params;
      const caller = callerOfRequest(request);
      return sendJson(reply, await answer(caller, model, parseModelVersion(version)));
    });
  }
}
