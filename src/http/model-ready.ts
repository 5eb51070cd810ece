/** `/v2/models/{model}[/versions/{version}]/ready`. */
import type { FastifyInstance } from "fastify";
import { mayUse } from "../tenants/may-use.ts";
import { route, sendHealth } from "./app.ts";
import { callerOfRequest } from "./caller.ts";
import { type ModelParams, modelPaths } from "./model-pages.ts";

/**
 * False for a model nobody knows, as in gRPC's ModelReady; `version` is empty for "any".
 * @throws StatusError for a version that is not a number
 */
export type ModelReady = (model: string, version: string) => boolean;

export function addModelReady(app: FastifyInstance, modelReady: ModelReady): void {
  for (const url of modelPaths("/ready")) {
    route<ModelParams>(app, "GET", url, (request, reply) => {
      const { model, version = "" } = request.params;
      return sendHealth(
        reply,
        mayUse(callerOfRequest(request), model) && modelReady(model, version),
      );
    });
  }
}
