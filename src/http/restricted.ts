/** Which URLs belong to which group that `--http-restricted-api` can restrict. */
import type { FastifyInstance } from "fastify";
import { carries, type RestrictedGroup, type Restrictions } from "../inference/restriction.ts";

/** The first that fits decides. Patterns of routes, so that no spelling of a path gets around them. */
const GROUPS: readonly (readonly [RegExp, RestrictedGroup])[] = [
  [/\/(health\/\w+|ready)$/, "health"],
  [/\/(infer|generate|generate_stream)$/, "inference"],
  [/\/config$/, "model-config"],
  [/\/stats$/, "statistics"],
  [/\/trace\/setting$/, "trace"],
  [/^\/v2\/logging$/, "logging"],
  [/^\/v2\/(repository|beamgate\/(devices|registry|uploads))(\/|$)/, "model-repository"],
  [/^\/v2\/beamgate\/(explain\/|gateways$)/, "statistics"],
  [/^\/v2\/(systemsharedmemory|cudasharedmemory)\//, "shared-memory"],
  [/^\/v2(\/models\/:model(\/versions\/:version)?)?$/, "metadata"],
];

/** @param url of a route as it was registered. undefined: it can not be restricted. */
export function groupOf(url: string): RestrictedGroup | undefined {
  const path = url.replace(/\/$/, "");
  return GROUPS.find(([pattern]) => pattern.test(path))?.[1];
}

/** To be called before routes are added; refuses before a body is read. */
export function restrict(app: FastifyInstance, restrictions: Restrictions): void {
  if (restrictions.size === 0) return;
  app.addHook("onRequest", async (request, reply) => {
    const { url } = request.routeOptions;
    const group = url === undefined ? undefined : groupOf(url);
    const header = group === undefined ? undefined : restrictions.get(group);
    if (header === undefined || carries(request.headers, header)) return;
    const error = `This API is restricted, expecting header '${header.name}'`;
    await reply.code(403).send({ error });
  });
}
