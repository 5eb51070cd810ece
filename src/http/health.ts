/** `/v2/health/live` and `/v2/health/ready`. */
import type { FastifyInstance } from "fastify";
import { route, sendHealth } from "./app.ts";

export interface HealthSource {
  /** The process answers. */
  live(): boolean;
  /** It can serve what it should, as `--strict-readiness` defines it. */
  ready(): boolean;
}

export function addHealth(app: FastifyInstance, { live, ready }: HealthSource): void {
  route(app, "GET", "/v2/health/live", (_request, reply) => sendHealth(reply, live()));
  route(app, "GET", "/v2/health/ready", (_request, reply) => sendHealth(reply, ready()));
}
