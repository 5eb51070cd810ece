/** `GET /v2/beamgate/registry`, `/models/{name}`, `/verdicts/{digest}`, `/vendors`, `/audit`. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../../errors.ts";
import type { AuditEntry } from "../../registry/catalog/types.ts";
import { sendJson } from "../app.ts";
import { listed, listText } from "./listed.ts";
import { asDigest, invalid } from "./read-fields.ts";
import { type Handler, REGISTRY, registryRoute } from "./registry-route.ts";
import type { RegistryRoom } from "./room.ts";
import { vendorReports } from "./vendor-report.ts";

/** Of the rows of the list; `served` is what nobody registered. */
const STATES: readonly string[] = [
  ...["uploaded", "validated", "verified", "ready", "retired", "refused"],
  "served",
];
const MOST_ENTRIES = 10_000;
const ENTRIES = 100;

/** @param room throws where this gateway has no registry */
export function addReading(app: FastifyInstance, room: () => RegistryRoom): void {
  registryRoute(app, REGISTRY, {
    GET: async ({ query }, reply) => {
      const { registry, unregistered } = room();
      const { name, vendor, state } = textsOf(query, ["name", "vendor", "state"]);
      const states = state?.split(",");
      const unknown = states?.find((each) => !STATES.includes(each));
      if (unknown !== undefined) throw invalid("state", `some of ${STATES.join(", ")}`);
      const snapshot = registry.snapshot();
      const artifacts = listed(snapshot, unregistered?.() ?? [], {
        ...(name === undefined ? {} : { name }),
        ...(vendor === undefined ? {} : { vendors: vendor.split(",") }),
        ...(states === undefined ? {} : { states }),
      });
      return sendJson(reply, listText(snapshot.generation, artifacts));
    },
  });
  registryRoute<{ digest: string }>(app, `${REGISTRY}/verdicts/:digest`, {
    GET: async ({ params }, reply) =>
      reply.send(await room().registry.verdict(asDigest(params.digest, "digest"))),
  });
  registryRoute(app, `${REGISTRY}/vendors`, {
    GET: async (_request, reply) => {
      const { registry, vendors } = room();
      return reply.send(vendorReports(await vendors(), registry.snapshot()));
    },
  });
  registryRoute(app, `${REGISTRY}/audit`, {
    GET: async ({ query }, reply) => {
      const { limit, model } = textsOf(query, ["limit", "model"]);
      const most = limit === undefined ? ENTRIES : Number(limit);
      if (!Number.isInteger(most) || most < 1 || most > MOST_ENTRIES) {
        throw invalid("limit", `a number from 1 to ${MOST_ENTRIES}`);
      }
      const matches =
        model === undefined ? undefined : (entry: AuditEntry) => entry.model === model;
      return reply.send(await room().registry.audit(most, matches));
    },
  });
}

export function readModel(room: () => RegistryRoom): Handler<{ readonly name: string }> {
  return async ({ params: { name } }, reply) => {
    const { models } = room().registry.snapshot();
    const found = models.find(({ model }) => model.name === name);
    if (found === undefined) throw unknownModel(name);
    return reply.header("etag", `"${found.generation}"`).send(found);
  };
}

/** Parameters behind the `?`, each at most once. @throws StatusError for one that means nothing */
function textsOf<Key extends string>(
  query: unknown,
  known: readonly Key[],
): Partial<Record<Key, string>> {
  const given = Object.entries(query as Record<string, unknown>);
  for (const [key, value] of given) {
    if (!(known as readonly string[]).includes(key)) {
      const text = `'?${key}=' means nothing here; there are: ${known.join(", ")}`;
      throw new StatusError("INVALID_ARGUMENT", text);
    }
    if (typeof value !== "string") throw invalid(key, "one value");
  }
  return Object.fromEntries(given) as Partial<Record<Key, string>>;
}

function unknownModel(name: string): StatusError {
  const text = `the registry has no model '${name}'; GET ${REGISTRY} lists them`;
  return new StatusError("NOT_FOUND", text);
}
