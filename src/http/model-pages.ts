/** `GET /v2/models/{model}[/versions/{version}]` and the same with `/config`. */
import type { FastifyInstance } from "fastify";
import { parseModelVersion } from "../inference/model-version.ts";
import { configJson } from "../registry/config-answer.ts";
import { metadataOf } from "../registry/metadata.ts";
import type { ModelDefinition } from "../registry/types.ts";
import { route, sendJson } from "./app.ts";

export interface ModelLookup {
  /**
   * The definition of a version that is ready; an empty version means the newest one.
   * @throws StatusError with Triton's text where there is none
   */
  find(model: string, version: string): ModelDefinition;
  readyVersions(model: string): readonly string[];
}

export interface ModelParams {
  readonly model: string;
  readonly version?: string;
}

/** A path of a model, with and without a version; one whose version is no number leads nowhere. */
export const modelPaths = (rest: string): readonly string[] => [
  `/v2/models/:model${rest}`,
  `/v2/models/:model/versions/:version(^[0-9]+$)${rest}`,
];

export function addModelPages(app: FastifyInstance, { find, readyVersions }: ModelLookup): void {
  for (const url of modelPaths("")) {
    route<ModelParams>(app, "GET", url, ({ params: { model, version = "" } }, reply) => {
      const named = parseModelVersion(version);
      const definition = find(model, named);
      return reply.send(metadataOf(definition, named === "" ? readyVersions(model) : [named]));
    });
  }
  for (const url of modelPaths("/config")) {
    route<ModelParams>(app, "GET", url, ({ params: { model, version = "" } }, reply) =>
      sendJson(reply, configJson(find(model, parseModelVersion(version)).config)),
    );
  }
}
