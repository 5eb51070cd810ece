/** `POST /v2/models/{model}[/versions/{version}]/generate` and `/generate_stream`. */
import type { FastifyInstance } from "fastify";
import { takeOver } from "../app.ts";
import type { InferRoom } from "../infer/http-call.ts";
import { type ModelParams, modelPaths } from "../model-pages.ts";
import { GenerateExchange } from "./exchange.ts";

export function addGenerate(app: FastifyInstance, room: InferRoom): void {
  for (const streaming of [false, true]) {
    for (const url of modelPaths(streaming ? "/generate_stream" : "/generate")) {
      takeOver<ModelParams>(app, "POST", url, (request, response, { model, version = "" }) => {
        new GenerateExchange(room, request, response, { model, version }, streaming).start();
      });
    }
  }
}
