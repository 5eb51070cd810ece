/** `/v2`: who this server is and what it can do. */
import type { FastifyInstance } from "fastify";
import { route } from "./app.ts";

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export function addServerMetadata(app: FastifyInstance, metadata: () => ServerMetadata): void {
  route(app, "GET", "/v2", (_request, reply) => {
    const { name, version, extensions } = metadata();
    return reply.send({ name, version, extensions });
  });
}
