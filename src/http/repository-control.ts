/** `POST /v2/repository/models/{model}/load` and `/unload`. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../errors.ts";
import type { ControlParameter, ControlParameters } from "../registry/control.ts";
import { unknownModel } from "../registry/model-record.ts";
import { mayUse } from "../tenants/may-use.ts";
import { route } from "./app.ts";
import { callerOfRequest } from "./caller.ts";
import { readJsonBody } from "./json-body.ts";
import { asBool, asString, isObject, jsonError, member } from "./json-value.ts";

export interface RepositoryControl {
  /** @throws StatusError also where clients may load nothing */
  load(model: string, parameters: ControlParameters): Promise<void>;
  unload(model: string, parameters: ControlParameters): Promise<void>;
}

interface Params {
  readonly model: string;
  readonly repository?: string;
}

const FILE = "file:";

export function addRepositoryControl(app: FastifyInstance, control: RepositoryControl): void {
  const paths = (action: string) => [
    `/v2/repository/models/:model/${action}`,
    `/v2/repository/:repository/models/:model/${action}`,
  ];
  for (const url of paths("load")) {
    route<Params>(app, "POST", url, async (request, reply) => {
      const { params, body } = request;
      refuseRepositoryName(params.repository);
      if (!mayUse(callerOfRequest(request), params.model)) throw unknownModel(params.model);
      await control.load(params.model, loadParameters(readJsonBody(body)));
      return reply.type("application/json").send("");
    });
  }
  for (const url of paths("unload")) {
    route<Params>(app, "POST", url, async (request, reply) => {
      const { params, body } = request;
      refuseRepositoryName(params.repository);
      if (!mayUse(callerOfRequest(request), params.model)) throw unknownModel(params.model);
      await control.unload(params.model, unloadParameters(readJsonBody(body)));
      return reply.type("application/json").send("");
    });
  }
}

/** Every value is a string in JSON: files are in base64. */
function loadParameters(request: unknown): ControlParameters {
  const given = member(request, "parameters");
  if (given === undefined) return new Map();
  if (!isObject(given)) throw jsonError("", "attempt to get members for non-object");
  return new Map(Object.entries(given).map(([name, value]) => [name, loadParameter(name, value)]));
}

function loadParameter(name: string, value: unknown): ControlParameter {
  const text = asString(value, "");
  if (name === "config") return { type: "string", value: text };
  if (name.startsWith(FILE)) return { type: "bytes", value: Buffer.from(text, "base64") };
  throw jsonError("", "unexpected error on creating Triton parameter");
}

function unloadParameters(request: unknown): ControlParameters {
  const name = "unload_dependents";
  const given = member(member(request, "parameters"), name);
  if (given === undefined) return new Map();
  return new Map([[name, { type: "bool", value: asBool(given, `Unable to parse '${name}'`) }]]);
}

function refuseRepositoryName(name: string | undefined): void {
  if (name === undefined) return;
  throw new StatusError("UNIMPLEMENTED", "'repository_name' specification is not supported");
}
