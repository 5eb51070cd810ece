/** `GET /v2/beamgate/who`: whom this gateway takes the caller for, and what he may do. */
import type { FastifyInstance } from "fastify";
import { ANYBODY, type Caller } from "../inference/caller.ts";
import type { WhoReport } from "../inference/who-report.ts";
import { route } from "./app.ts";
import { callerOfRequest } from "./caller.ts";

export function addWho(app: FastifyInstance): void {
  route(app, "GET", "/v2/beamgate/who", (request, reply) =>
    reply.send(reportOf(callerOfRequest(request))),
  );
}

/** @param caller undefined: nobody was asked */
function reportOf(caller: Caller | undefined): WhoReport {
  const { tenant, subject, how, roles } = caller ?? ANYBODY;
  return {
    asked: caller !== undefined,
    subject,
    how,
    tenant: tenant.name,
    roles: [...roles],
    models: tenant.models,
  };
}
