/** `/v2/models/{model}[/versions/{version}]/ready`. */
import type { FastifyInstance } from "fastify";
import { route, sendHealth } from "./app.ts";

/**
 * False for a model nobody knows, as in gRPC's ModelReady; `version` is empty for "any".
 * @throws StatusError for a version that is not a number
 */
export type ModelReady = (model: string, version: string) => boolean;

interface Params {
  readonly model: string;
  readonly version?: string;
}

export function addModelReady(app: FastifyInstance, modelReady: ModelReady): void {
  for (const url of ["/v2/models/:model/ready", "/v2/models/:model/versions/:version/ready"]) {
    route<Params>(app, "GET", url, ({ params: { model, version = "" } }, reply) =>
      sendHealth(reply, modelReady(model, version)),
    );
  }
}
