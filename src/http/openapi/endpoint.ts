/** `GET /v2/openapi.json`. */
import type { FastifyInstance } from "fastify";
import { route, sendJson } from "../app.ts";
import { openApiDocument } from "./document.ts";

export function addOpenApi(app: FastifyInstance, version: () => string): void {
  route(app, "GET", "/v2/openapi.json", (_request, reply) =>
    sendJson(reply, JSON.stringify(openApiDocument(version()))),
  );
}
