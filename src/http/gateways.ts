/** `GET /v2/beamgate/gateways`: which gateways serve together with this one. */
import type { FastifyInstance } from "fastify";
import type { ClusterReport } from "../inference/gateway-report.ts";
import { route } from "./app.ts";

export function addGateways(app: FastifyInstance, report: () => ClusterReport): void {
  route(app, "GET", "/v2/beamgate/gateways", (_request, reply) => reply.send(report()));
}
