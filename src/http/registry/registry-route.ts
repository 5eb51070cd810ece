/**
 * How the routes of the registry answer: several methods an address, and errors that a program can
 * act on, with the code in gRPC's words and, where somebody else was first, the generation that is there.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { StatusError, toStatusError } from "../../errors.ts";
import { refuseOthers } from "../app.ts";
import { readJsonBody } from "../json-body.ts";
import { isObject, type JsonObject } from "../json-value.ts";
import { httpStatus } from "../status.ts";

export const REGISTRY = "/v2/beamgate/registry";

export type Handler<Params> = (
  request: FastifyRequest & { readonly params: Params },
  reply: FastifyReply,
) => Promise<unknown>;

type Method = "GET" | "HEAD" | "POST" | "DELETE";

/** @param others methods that the address answers elsewhere */
export function registryRoute<Params = unknown>(
  app: FastifyInstance,
  url: string,
  handlers: Partial<Record<Method, Handler<Params>>>,
  others: readonly string[] = [],
): void {
  for (const [method, handler] of Object.entries(handlers)) {
    app.route<{ Params: Params }>({
      method,
      url,
      handler: async (request, reply) => {
        try {
          return await handler(request as never, reply as never);
        } catch (thrown) {
          if (!(thrown instanceof StatusError)) throw thrown; // logged by the app
          return reply.code(httpStatus(thrown.code)).send(errorBody(thrown));
        }
      },
    });
  }
  refuseOthers(app, [...Object.keys(handlers), ...others], url);
}

/** An error with what a program needs beside the sentence. */
export class DetailedError extends StatusError {
  readonly details: JsonObject;

  constructor(cause: StatusError, details: JsonObject) {
    super(cause.code, cause.message, { cause });
    this.details = details;
  }
}

export function detailsOf(thrown: unknown): JsonObject {
  return thrown instanceof DetailedError ? thrown.details : {};
}

/** What nobody foresaw is for the log. */
export function errorBody(thrown: unknown): JsonObject {
  if (thrown instanceof StatusError) {
    return { error: thrown.message, code: thrown.code, ...detailsOf(thrown) };
  }
  return { error: "internal error; the server's log has the details", code: "INTERNAL" };
}

/** @throws StatusError INVALID_ARGUMENT for what is no JSON object */
export function readObject(body: unknown): JsonObject {
  let read: unknown;
  try {
    read = readJsonBody(body);
  } catch (thrown) {
    const { message } = toStatusError(thrown);
    throw new StatusError("INVALID_ARGUMENT", message, { cause: thrown });
  }
  if (isObject(read)) return read;
  throw new StatusError("INVALID_ARGUMENT", "the body of the request: expected a JSON object");
}
