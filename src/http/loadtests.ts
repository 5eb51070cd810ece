/**
 * `GET /v2/beamgate/loadtests`: presets, what runs, the last reports; `POST` starts one, `POST .../{run}/stop` ends
 * it before its time, `GET .../{run}/report` and `.../{run}/result` are what came of it.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { StatusError } from "../errors.ts";
import type { LoadtestControl } from "../inference/loadtest-report.ts";
import { mayUse } from "../tenants/may-use.ts";
import type { Gate, OriginOf } from "./authorize.ts";
import { callerOfRequest } from "./caller.ts";
import type { JsonObject } from "./json-value.ts";
import { whoOf } from "./registry/read-change.ts";
import { asText, optional } from "./registry/read-fields.ts";
import { readObject, registryRoute } from "./registry/registry-route.ts";

const LOADTESTS = "/v2/beamgate/loadtests";
const KNOWN = ["preset", "seconds", "key", "token", "who"];

/**
 * A report is a page with scripts of its own: it is shown as if it came from nowhere, may ask for nothing, and is in
 * no frame. What it brings along of a policy holds beside this one.
 */
const SANDBOX =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface LoadtestsRoom {
  /** undefined: there are none. */
  readonly control: LoadtestControl | undefined;
  /** undefined: nobody is asked who he is. */
  readonly gate: Gate | undefined;
  readonly originOf: OriginOf;
}

interface OfRun {
  readonly run: string;
}

export function addLoadtests(app: FastifyInstance, room: LoadtestsRoom): void {
  const control = () => {
    if (room.control !== undefined) return room.control;
    throw new StatusError("UNIMPLEMENTED", "this gateway runs no load tests");
  };
  const usable = (request: FastifyRequest) => {
    const caller = callerOfRequest(request);
    return (model: string) => mayUse(caller, model);
  };
  registryRoute(app, LOADTESTS, {
    GET: async (request, reply) =>
      reply.header("cache-control", "no-store").send(await control().overview(usable(request))),
    POST: async (request, reply) => {
      const given = readObject(request.body);
      const unknown = Object.keys(given).find((name) => !KNOWN.includes(name));
      if (unknown !== undefined)
        throw new StatusError("INVALID_ARGUMENT", `'${unknown}': there is no such member`);
      const order = {
        preset: asText(given["preset"], "preset"),
        seconds: optional(given, "seconds", asSeconds),
        headers: await identityOf(room, request, given),
      };
      return reply.code(201).send(await control().start(order, whoOf(request, given["who"])));
    },
  });
  registryRoute<OfRun>(app, `${LOADTESTS}/:run/stop`, {
    POST: async (request, reply) => {
      await control().stop(request.params.run, whoOf(request, undefined));
      return reply.code(202).send({});
    },
  });
  const fileRoute = (
    path: string,
    name: "report.html" | "result.json",
    headers: Readonly<Record<string, string>>,
  ) =>
    registryRoute<OfRun>(app, `${LOADTESTS}/:run/${path}`, {
      GET: (request, reply) => {
        const file = control().file(request.params.run, name, usable(request));
        return sendFile(reply, file, headers);
      },
    });
  fileRoute("report", "report.html", {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": SANDBOX,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
  });
  fileRoute("result", "result.json", {
    "content-type": "application/json",
    "content-disposition": 'attachment; filename="result.json"',
  });
}

async function sendFile(
  reply: FastifyReply,
  file: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  const facts = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (file === undefined || facts === undefined)
    throw new StatusError("NOT_FOUND", "there is no such report: the newest are kept");
  return reply
    .headers({
      ...headers,
      "x-content-type-options": "nosniff",
      "cache-control": "private, no-store",
    })
    .header("content-length", String(facts.size))
    .send(createReadStream(file, { end: Math.max(0, facts.size - 1) }));
}

/** As whom the load asks: he shows it here, and is told now whether it would be let in. */
async function identityOf(
  { gate, originOf }: LoadtestsRoom,
  request: FastifyRequest,
  given: JsonObject,
): Promise<readonly string[]> {
  const key = optional(given, "key", asSecret);
  const token = optional(given, "token", asSecret);
  if (key !== undefined && token !== undefined)
    throw new StatusError("INVALID_ARGUMENT", "'key' or 'token', not both");
  if (gate === undefined) return [];
  if (key === undefined && token === undefined) {
    const text = "'key' or 'token': whoever the load asks as needs the role infer";
    throw new StatusError("INVALID_ARGUMENT", text);
  }
  const shown = key === undefined ? { authorization: `Bearer ${token}` } : { "x-api-key": key };
  const verdict = await gate.admit(["infer"], shown, originOf(request.raw.socket));
  if (verdict instanceof StatusError) {
    const text = `as whom the load would ask: ${verdict.message}`;
    throw new StatusError(
      verdict.code === "UNAVAILABLE" ? "UNAVAILABLE" : "INVALID_ARGUMENT",
      text,
    );
  }
  return Object.entries(shown).map(([name, value]) => `${name}:${value}`);
}

function asSeconds(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new StatusError("INVALID_ARGUMENT", `'${name}': expected a number of seconds`);
}

/** What goes into a header: printable, and not endless. */
function asSecret(value: unknown, name: string): string {
  if (typeof value === "string" && /^[\x21-\x7e]{1,16384}$/.test(value)) return value;
  throw new StatusError("INVALID_ARGUMENT", `'${name}': expected printable characters`);
}
