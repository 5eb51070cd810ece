/** `POST /v2/repository/index`: every model of the repository and its state. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../errors.ts";
import type { IndexEntry } from "../registry/types.ts";
import { route } from "./app.ts";
import { readJsonObject } from "./json-body.ts";

/** @param onlyReady keep READY versions only. */
export type RepositoryIndex = (onlyReady: boolean) => readonly IndexEntry[];

export function addRepositoryIndex(app: FastifyInstance, index: RepositoryIndex): void {
  route(app, "POST", "/v2/repository/index", (request, reply) => {
    const { ready = false } = readJsonObject(request.body);
    if (typeof ready !== "boolean") {
      throw new StatusError("INVALID_ARGUMENT", "'ready' must be true or false");
    }
    return reply.send(index(ready).map(shown));
  });
}

/** As Triton prints it: a model of which nothing was ever tried has its name only. */
function shown({ name, version, state, reason }: IndexEntry) {
  return version === "" && state === "" ? { name } : { name, version, state, reason };
}
