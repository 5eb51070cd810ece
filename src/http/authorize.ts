/** Asks every request who sends it, before its body is read; and every route who may ask for it. */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyReply } from "fastify";
import { StatusError } from "../errors.ts";
import { HTTP_ACCESS, type Need, needOf } from "../tenants/access-table.ts";
import type { Gatekeeper } from "../tenants/gatekeeper.ts";
import { type Origin, originOfSocket, type ServerName } from "../tenants/origin.ts";
import { know } from "./caller.ts";
import type { Sessions } from "./dashboard/sessions.ts";

export type Gate = Pick<Gatekeeper, "admit">;

/** A route that refuses the methods which its address does not have: it tells nothing, and asks nobody. */
export interface RefusesMethods {
  readonly refusesMethods?: true;
}

/** What a connection brings along: the same object as long as it lives, whoever reads it. */
export type OriginOf = (socket: Socket) => Origin;

/** @param names by which clients may call this server in TLS */
export function originsOf(names: readonly ServerName[] = []): OriginOf {
  const origins = new WeakMap<Socket, Origin>();
  return (socket) => {
    let origin = origins.get(socket);
    if (origin === undefined) {
      origin = originOfSocket(socket, names);
      origins.set(socket, origin);
    }
    return origin;
  };
}

/**
 * To be called before routes are added: one for which nobody has said who may ask it is refused then.
 * @param gate undefined: nobody is asked who he is
 */
export function authorize(
  app: FastifyInstance,
  gate: Gate | undefined,
  originOf: OriginOf = originsOf(),
  sessions?: Sessions,
): void {
  const needs = new Map<string, Need>();
  app.addHook("onRoute", ({ method, url, config }) => {
    if ((config as RefusesMethods | undefined)?.refusesMethods === true) return;
    for (const one of [method].flat())
      needs.set(`${one} ${url}`, needOf(HTTP_ACCESS, `${one} ${url}`));
  });
  app.addHook("onRequest", async (request, reply) => {
    if (!isAskedByOthers(request.method, request.headers)) return;
    const error = "a page of another site asks for this: open the dashboard of this gateway itself";
    await reply.code(403).send({ error });
  });
  if (gate === undefined) return;
  app.addHook("onRequest", async (request, reply) => {
    const { url } = request.routeOptions;
    const need = url === undefined ? undefined : needs.get(`${request.method} ${url}`);
    // Nothing is there, or not for this method: the answer says no more than that.
    if (need === undefined) return;
    const { socket } = request.raw;
    const headers = sessions?.headersOf(request.method, request.raw.headers) ?? request.raw.headers;
    const verdict = await gate.admit(need, headers, originOf(socket));
    if (verdict instanceof StatusError) await refuseCaller(reply, verdict);
    else if (verdict !== undefined) know(request.raw, verdict);
  });
}

/** By a browser for a page of somebody else (Fetch Metadata), who could change something in its user's name. */
function isAskedByOthers(method: string, headers: IncomingHttpHeaders): boolean {
  return method !== "GET" && method !== "HEAD" && headers["sec-fetch-site"] === "cross-site";
}

/** Here, unlike in Triton's table, a client can tell who he is from what he may. */
function refuseCaller(reply: FastifyReply, { code, message }: StatusError): FastifyReply {
  // What the client still sends is not read: the connection ends with the answer.
  void reply.header("connection", "close");
  if (code === "UNAUTHENTICATED") void reply.header("www-authenticate", "Bearer");
  const status = code === "UNAUTHENTICATED" ? 401 : code === "PERMISSION_DENIED" ? 403 : 503;
  return reply.code(status).send({ error: message });
}
