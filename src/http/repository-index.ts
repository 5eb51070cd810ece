/** `POST /v2/repository/index`: every model of the repository and its state. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../errors.ts";
import type { Caller } from "../inference/caller.ts";
import type { IndexEntry } from "../registry/types.ts";
import { mayUse } from "../tenants/may-use.ts";
import { route } from "./app.ts";
import { callerOfRequest } from "./caller.ts";
import { readJsonBody } from "./json-body.ts";
import { member } from "./json-value.ts";

/**
 * @param onlyReady keep READY versions only.
 * @throws StatusError where the caller may not begin to ask for inference now
 */
export type RepositoryIndex = (
  onlyReady: boolean,
  caller: Caller | undefined,
) => readonly IndexEntry[];

export function addRepositoryIndex(app: FastifyInstance, index: RepositoryIndex): void {
  for (const url of ["/v2/repository/index", "/v2/repository/:repository/index"]) {
    route(app, "POST", url, (request, reply) => {
      const ready = member(readJsonBody(request.body), "ready") ?? false;
      if (typeof ready !== "boolean") {
        const text = "Invalid value for 'ready': expected a boolean";
        throw new StatusError("INVALID_ARGUMENT", text);
      }
      const caller = callerOfRequest(request);
      const visible = index(ready, caller).filter(({ name }) => mayUse(caller, name));
      return reply.send(visible.map(shown));
    });
  }
}

/** As Triton prints it: a model of which nothing was ever tried has its name only, and no reason is none. */
function shown({ name, version, state, reason }: IndexEntry) {
  if (version === "" && state === "") return { name };
  return reason === "" ? { name, version, state } : { name, version, state, reason };
}
