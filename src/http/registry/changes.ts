/**
 * Registration and everything that changes what is registered:
 * `POST /v2/beamgate/registry/models/{name}/versions/{version}/artifacts`, `POST …/registry/dry-run`,
 * `POST …/models/{name}/verify`, `/promote`, `/rollback`, `/pin`, `/unpin`, `/retire`,
 * `DELETE …/models/{name}`, `DELETE …/models/{name}/aliases/{alias}`.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { StatusError } from "../../errors.ts";
import type { ArtifactName, ModelRegistry, Since } from "../../registry/catalog/registry.ts";
import type { JsonObject } from "../json-value.ts";
import { artifactOf, COMMON, sinceOf, whoOf } from "./read-change.ts";
import {
  asFlag,
  asNote,
  asShare,
  asText,
  asVersion,
  invalid,
  optional,
  refuseUnknown,
  required,
} from "./read-fields.ts";
import { readPartialRegistration, readRegistration } from "./read-registration.ts";
import { readModel } from "./reading.ts";
import {
  DetailedError,
  type Handler,
  REGISTRY,
  readObject,
  registryRoute,
} from "./registry-route.ts";
import type { RegistryRoom } from "./room.ts";
import { answerWithProgress } from "./with-progress.ts";

interface Named {
  readonly name: string;
}

const MODEL = `${REGISTRY}/models/:name`;

/** @param room throws where this gateway has no registry */
export function addChanges(app: FastifyInstance, room: () => RegistryRoom): void {
  registryRoute<Named & { version: string }>(app, `${MODEL}/versions/:version/artifacts`, {
    POST: async (request, reply) => {
      const { registry, log } = room();
      const { params } = request;
      const { who: told, ...given } = readObject(request.body);
      const who = whoOf(request, told);
      const whole = { ...given, ...params, ...sinceOf(request, given) };
      for (const key of ["name", "version"] as const) {
        if (given[key] === undefined || given[key] === params[key]) continue;
        throw invalid(key, `what the address says (${params[key]}), or nothing`);
      }
      if (isDryRun(request)) {
        return reply.send({ checks: await registry.dryRun(readPartialRegistration(whole), who) });
      }
      const registration = readRegistration(whole);
      return answerWithProgress(request, reply, log, (tell, signal) =>
        withGeneration(registry, params.name, registry.register(registration, who, tell, signal)),
      );
    },
  });
  registryRoute(app, `${REGISTRY}/dry-run`, {
    POST: async (request, reply) => {
      const { who, ...given } = readObject(request.body);
      const partial = readPartialRegistration(given);
      return reply.send({ checks: await room().registry.dryRun(partial, whoOf(request, who)) });
    },
  });
  registryRoute<Named>(app, `${MODEL}/verify`, {
    POST: async (request, reply) => {
      const { registry, log } = room();
      const { named, who } = readArtifactChange(request, []);
      return answerWithProgress(request, reply, log, (tell, signal) =>
        withGeneration(registry, named.name, registry.verify(named, who, tell, signal)),
      );
    },
  });
  registryRoute<Named>(app, `${MODEL}/promote`, { POST: change(room, promote) });
  registryRoute<Named>(app, `${MODEL}/rollback`, { POST: change(room, rollBack) });
  registryRoute<Named>(app, `${MODEL}/pin`, { POST: change(room, pin) });
  registryRoute<Named>(app, `${MODEL}/unpin`, { POST: change(room, unpin) });
  registryRoute<Named>(app, `${MODEL}/retire`, { POST: change(room, retire) });
  registryRoute<Named>(app, MODEL, { GET: readModel(room), DELETE: change(room, remove) });
  registryRoute<Named & { alias: string }>(app, `${MODEL}/aliases/:alias`, {
    DELETE: change(room, dropAlias),
  });
}

type Act<Params> = (
  registry: ModelRegistry,
  request: FastifyRequest & { readonly params: Params },
) => Promise<object>;

function change<Params extends Named>(room: () => RegistryRoom, act: Act<Params>): Handler<Params> {
  return async (request, reply) => {
    const { registry } = room();
    return reply.send(await withGeneration(registry, request.params.name, act(registry, request)));
  };
}

const promote: Act<Named> = async (registry, request) => {
  const given = readObject(request.body);
  refuseUnknown(given, [...COMMON, "alias", "version", "weight", "shadowShare"]);
  const weight = optional(given, "weight", asShare);
  const shadowShare = optional(given, "shadowShare", asShare);
  const to = {
    alias: optional(given, "alias", asText) ?? "production",
    version: required(given, "version", asVersion),
    ...(weight === undefined ? {} : { weight }),
    ...(shadowShare === undefined ? {} : { shadowShare }),
    ...sinceOf(request, given),
  };
  return {
    generation: await registry.promote(request.params.name, to, whoOf(request, given["who"])),
  };
};

const rollBack: Act<Named> = async (registry, request) => {
  const given = readObject(request.body);
  refuseUnknown(given, [...COMMON, "alias"]);
  const alias = optional(given, "alias", asText) ?? "production";
  const from = { alias, ...sinceOf(request, given) };
  const to = await registry.rollback(request.params.name, from, whoOf(request, given["who"]));
  return { alias, ...to };
};

const dropAlias: Act<Named & { alias: string }> = async (registry, request) => {
  const given = readObject(request.body);
  refuseUnknown(given, COMMON);
  const { name, alias } = request.params;
  const who = whoOf(request, given["who"]);
  return { generation: await registry.dropAlias(name, { alias, ...sinceOf(request, given) }, who) };
};

const pin: Act<Named> = async (registry, request) => {
  const { named, who, given } = readArtifactChange(request, ["note"]);
  const note = optional(given, "note", asNote) ?? "";
  return { generation: await registry.pin(named, { note }, who) };
};

const unpin: Act<Named> = async (registry, request) => {
  const { named, who } = readArtifactChange(request, []);
  return { generation: await registry.pin(named, undefined, who) };
};

const retire: Act<Named> = async (registry, request) => {
  const { named, who, given } = readArtifactChange(request, ["reason"]);
  const reason = optional(given, "reason", asNote) ?? "";
  return { generation: await registry.retire(named, reason, who) };
};

const remove: Act<Named> = async (registry, request) => {
  const { named, who } = readArtifactChange(request, []);
  return { generation: await registry.remove(named, who) };
};

function readArtifactChange(
  request: FastifyRequest & { readonly params: Named },
  own: readonly string[],
): { named: ArtifactName & Since; who: string; given: JsonObject } {
  const given = readObject(request.body);
  const named = artifactOf(request.params.name, given, own);
  const who = whoOf(request, given["who"]);
  return { named: { ...named, ...sinceOf(request, given) }, who, given };
}

function isDryRun({ query }: FastifyRequest): boolean {
  const { dry_run: told } = query as Record<string, unknown>;
  return told === undefined ? false : asFlag(JSON_FLAGS[String(told)], "?dry_run");
}

const JSON_FLAGS: Readonly<Record<string, boolean>> = { true: true, false: false };

/** Who lost against somebody else is told the generation that is there now. */
async function withGeneration<T>(
  registry: ModelRegistry,
  name: string,
  changed: Promise<T>,
): Promise<T> {
  try {
    return await changed;
  } catch (thrown) {
    if (!(thrown instanceof StatusError) || thrown.code !== "ABORTED") throw thrown;
    const found = registry.snapshot().models.find(({ model }) => model.name === name);
    throw new DetailedError(thrown, { generation: found?.generation ?? 0 });
  }
}
