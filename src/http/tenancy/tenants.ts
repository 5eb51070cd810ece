/**
 * `GET /v2/beamgate/tenants[/{tenant}]`, `POST` of the latter changes its terms and `DELETE` gives it back those of
 * the file; `GET /v2/beamgate/tenancy/audit` tells who did what.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { StatusError } from "../../errors.ts";
import type { ChangeContext, TenantControl } from "../../inference/tenant-report.ts";
import { route } from "../app.ts";
import type { JsonObject } from "../json-value.ts";
import { sinceOf, whoOf } from "../registry/read-change.ts";
import { asFlag, optional } from "../registry/read-fields.ts";
import { readObject, registryRoute } from "../registry/registry-route.ts";

const TENANTS = "/v2/beamgate/tenants";
const AUDIT = "/v2/beamgate/tenancy/audit";
const MOST_AUDITED = 10_000;

/** @param tenants undefined: this gateway knows none */
export function addTenants(app: FastifyInstance, tenants: TenantControl | undefined): void {
  route(app, "GET", TENANTS, (_request, reply) => reply.send(known(tenants).list()));
  registryRoute<{ tenant: string }>(app, `${TENANTS}/:tenant`, {
    GET: async ({ params }, reply) => {
      const { tenants: all, generation } = known(tenants).list();
      const found = all.find(({ name }) => name === params.tenant);
      if (found === undefined) throw unknownTenant(params.tenant);
      return reply.send({ ...found, generation });
    },
    POST: async (request, reply) => {
      const {
        who: _who,
        generation: _from,
        dryRun: _preview,
        ...change
      } = readObject(request.body);
      const context = contextOf(request, readObject(request.body));
      return reply.send(await known(tenants).change(request.params.tenant, change, context));
    },
    DELETE: async (request, reply) => {
      const given =
        request.body === undefined || request.body === null ? {} : readObject(request.body);
      const context = contextOf(request, given);
      return reply.send(await known(tenants).change(request.params.tenant, undefined, context));
    },
  });
  route(app, "GET", AUDIT, async ({ query }, reply) =>
    reply.send(await known(tenants).audit(limitOf(query))),
  );
}

export function contextOf(request: FastifyRequest, given: JsonObject): ChangeContext {
  return {
    who: whoOf(request, given["who"]),
    generation: sinceOf(request, given).generation,
    dryRun: optional(given, "dryRun", asFlag) ?? false,
  };
}

function limitOf(query: unknown): number {
  const { limit = "100" } = query as { readonly limit?: unknown };
  const read = Number(limit);
  if (Number.isSafeInteger(read) && read >= 1 && read <= MOST_AUDITED) return read;
  throw new StatusError("INVALID_ARGUMENT", `'limit': expected a number from 1 to ${MOST_AUDITED}`);
}

function known(tenants: TenantControl | undefined): TenantControl {
  if (tenants !== undefined) return tenants;
  const remedy = "name them in a file (auth.tenantsFile)";
  throw new StatusError("UNIMPLEMENTED", `this gateway knows no tenants: ${remedy}`);
}

function unknownTenant(name: string): StatusError {
  return new StatusError("NOT_FOUND", `there is no tenant '${name}'; GET ${TENANTS} lists them`);
}
