/** `POST /v2/models/{model}[/versions/{version}]/infer`. */
import type { FastifyInstance } from "fastify";
import { takeOver } from "../app.ts";
import { type ModelParams, modelPaths } from "../model-pages.ts";
import { InferExchange } from "./exchange.ts";
import type { InferRoom } from "./http-call.ts";

export function addInfer(app: FastifyInstance, room: InferRoom): void {
  for (const url of modelPaths("/infer")) {
    takeOver<ModelParams>(app, "POST", url, (request, response, { model, version = "" }) => {
      new InferExchange(room, request, response, { model, version }).start();
    });
  }
}
