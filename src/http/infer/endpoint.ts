/** `POST /v2/models/{model}[/versions/{version}]/infer`. */
import type { FastifyInstance } from "fastify";
import { takeOver } from "../app.ts";
import { InferExchange } from "./exchange.ts";
import type { InferRoom } from "./http-call.ts";

interface Params {
  readonly model: string;
  readonly version?: string;
}

export function addInfer(app: FastifyInstance, room: InferRoom): void {
  for (const url of ["/v2/models/:model/infer", "/v2/models/:model/versions/:version/infer"]) {
    takeOver<Params>(app, "POST", url, (request, response, { model, version = "" }) => {
      new InferExchange(room, request, response, { model, version }).start();
    });
  }
}
