/** `GET /v2/models/{model}[/versions/{version}]` and the same with `/config`. */
import type { FastifyInstance } from "fastify";
import { configJson } from "../registry/config-answer.ts";
import { metadataOf } from "../registry/metadata.ts";
import { unknownModel } from "../registry/model-record.ts";
import type { ModelDefinition } from "../registry/types.ts";
import { mayUse } from "../tenants/may-use.ts";
import { route, sendJson } from "./app.ts";
import { callerOfRequest } from "./caller.ts";

export interface ModelLookup {
  /**
   * The definition of a version that is ready.
   * @param version as the client wrote it: a number, an alias, or empty for the one that serves then
   * @throws StatusError with Triton's text where there is none
   */
  find(model: string, version: string): ModelDefinition;
  readyVersions(model: string): readonly string[];
}

export interface ModelParams {
  readonly model: string;
  readonly version?: string;
}

/** A path of a model, with and without a version; one whose version is neither a number nor may be an alias leads nowhere. */
export const modelPaths = (rest: string): readonly string[] => [
  `/v2/models/:model${rest}`,
  `/v2/models/:model/versions/:version(^[0-9]+$|^[a-z][a-z0-9_-]{1,63}$)${rest}`,
];

export function addModelPages(app: FastifyInstance, { find, readyVersions }: ModelLookup): void {
  for (const url of modelPaths("")) {
    route<ModelParams>(app, "GET", url, (request, reply) => {
      const { model, version = "" } = request.params;
      if (!mayUse(callerOfRequest(request), model)) throw unknownModel(model);
      const definition = find(model, version);
      const versions = version === "" ? readyVersions(model) : [definition.version];
      return reply.send(metadataOf(definition, versions));
    });
  }
  for (const url of modelPaths("/config")) {
    route<ModelParams>(app, "GET", url, (request, reply) => {
      const { model, version = "" } = request.params;
      if (!mayUse(callerOfRequest(request), model)) throw unknownModel(model);
      return sendJson(reply, configJson(find(model, version).config));
    });
  }
}
