/**
 * The dashboard: its page at `/`, its figures at `GET /v2/beamgate/dashboard/snapshot` and, as they change, at
 * `/v2/beamgate/dashboard/events`, some of the requests at `/v2/beamgate/dashboard/requests`;
 * `POST` and `DELETE /v2/beamgate/session` are its login and its logout.
 */
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { StatusError } from "../../errors.ts";
import type { Snapshot } from "../../inference/dashboard-report.ts";
import type { RequestSampling } from "../../inference/request-sample.ts";
import { mayCallerSee } from "../../tenants/may-see-request.ts";
import { route, takeOver } from "../app.ts";
import type { Gate, OriginOf } from "../authorize.ts";
import { callerOf, callerOfRequest } from "../caller.ts";
import { readJsonBody } from "../json-body.ts";
import { member } from "../json-value.ts";
import { registryRoute } from "../registry/registry-route.ts";
import { type PageFile, readPage } from "./page.ts";
import type { Sampler } from "./sampler.ts";
import { sendSnapshots } from "./send-snapshots.ts";
import type { Sessions, Shown } from "./sessions.ts";
import { SnapshotEvents } from "./snapshot-events.ts";
import { visibleTo } from "./visible.ts";

const SNAPSHOT = "/v2/beamgate/dashboard/snapshot";
const REQUESTS = "/v2/beamgate/dashboard/requests";
const EVENTS = "/v2/beamgate/dashboard/events";
const SESSION = "/v2/beamgate/session";

/** A session begins with a role that the page can show anything by. */
const NEEDED = ["observe"] as const;

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-cache",
};

export interface DashboardParts {
  readonly sampler: Sampler;
  readonly requests: RequestSampling;
  /** Absent: nobody is asked who he is. */
  readonly login?:
    | { readonly gate: Gate; readonly sessions: Sessions; readonly originOf: OriginOf }
    | undefined;
}

/** @param parts undefined: this gateway has no dashboard */
export function addDashboard(app: FastifyInstance, parts: DashboardParts | undefined): void {
  if (parts === undefined) return;
  addPage(app);
  const { sampler, requests } = parts;
  route(app, "GET", SNAPSHOT, async (request, reply) => {
    const { id, points } = request.query as { readonly id?: unknown; readonly points?: unknown };
    const found = id === undefined ? await sampler.now() : sampler.withId(Number(id));
    if (found === undefined) {
      const text = `there is no snapshot ${id} any more: the newest are kept`;
      throw new StatusError("NOT_FOUND", text);
    }
    const seen = visibleTo(found.snapshot, callerOfRequest(request));
    return reply.send(points === undefined ? seen : { ...seen, points: found.points });
  });
  route(app, "GET", REQUESTS, (request, reply) => {
    const { after = "0" } = request.query as { readonly after?: unknown };
    const known = Number(after);
    if (!Number.isSafeInteger(known) || known < 0)
      throw new StatusError("INVALID_ARGUMENT", "'after': expected the seq of a sample, or 0");
    const caller = callerOfRequest(request);
    const told = requests.newest(known, mayCallerSee(caller));
    return reply.header("cache-control", "no-store").send(told);
  });
  const watching = new Set<ServerResponse>();
  const events = new SnapshotEvents();
  takeOver(app, "GET", EVENTS, (request, response) => {
    watching.add(response);
    response.once("close", () => watching.delete(response));
    const lastId = Number(request.headers["last-event-id"]);
    const show = (snapshot: Snapshot) => events.of(snapshot, callerOf(request));
    sendSnapshots({ sampler, lastId, show }, response);
  });
  // Nobody waits for the end of a stream that has none.
  app.addHook("preClose", async () => {
    for (const response of watching) response.end();
  });
  registryRoute(app, SESSION, {
    POST: (request, reply) => login(parts, request, reply),
    DELETE: async (request, reply) => {
      const sessions = parts.login?.sessions;
      if (sessions === undefined) return reply.code(204).send();
      const ended = sessions.end(request.raw.headers, isSecure(request));
      return reply.header("set-cookie", ended).code(204).send();
    },
  });
}

const isSecure = ({ raw }: FastifyRequest) => "encrypted" in raw.socket;

async function login(
  { login: parts }: DashboardParts,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  if (parts === undefined) return reply.code(204).send();
  const body = readJsonBody(request.body);
  const [token, key] = [member(body, "token"), member(body, "key")];
  let shown: Shown;
  if (typeof token === "string" && token !== "") shown = { authorization: `Bearer ${token}` };
  else if (typeof key === "string" && key !== "") shown = { "x-api-key": key };
  else throw new StatusError("INVALID_ARGUMENT", "a login needs 'token' or 'key', a text");
  const verdict = await parts.gate.admit(NEEDED, shown, parts.originOf(request.raw.socket));
  if (verdict instanceof StatusError) {
    const status =
      verdict.code === "UNAUTHENTICATED" ? 401 : verdict.code === "PERMISSION_DENIED" ? 403 : 503;
    return reply.code(status).send({ error: verdict.message });
  }
  return reply
    .header("set-cookie", parts.sessions.begin(shown, request.raw.headers, isSecure(request)))
    .code(204)
    .send();
}

function addPage(app: FastifyInstance): void {
  let files: ReadonlyMap<string, PageFile> | undefined;
  const send = (name: string, request: FastifyRequest, reply: FastifyReply) => {
    files ??= readPage();
    const file = files.get(name);
    if (file === undefined) throw new StatusError("NOT_FOUND", "the dashboard has no such file");
    void reply.headers({ ...HEADERS, etag: file.etag, vary: "accept-encoding" });
    if (request.headers["if-none-match"] === file.etag) return reply.code(304).send();
    void reply.header("content-type", file.type);
    const accepted = String(request.headers["accept-encoding"] ?? "");
    if (/\bbr\b/.test(accepted)) return reply.header("content-encoding", "br").send(file.brotli);
    if (/\bgzip\b/.test(accepted)) return reply.header("content-encoding", "gzip").send(file.gzip);
    return reply.send(file.plain);
  };
  route(app, "GET", "/", (request, reply) => send("index.html", request, reply));
  route<{ "*": string }>(app, "GET", "/dashboard/*", (request, reply) =>
    send(request.params["*"], request, reply),
  );
}
