/**
 * What every HTTP listener of ours has in common: Triton's form of errors,
 * bounded bodies and names, no stack traces, and an end that waits for answers.
 */
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type HTTPMethods,
} from "fastify";
import { StatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { httpStatus } from "./status.ts";

export interface AppOptions {
  readonly maxBodyBytes: number;
  readonly log: Logger;
}

/** A client that needs longer than this to send its request is cut off. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Longest model or version name in a path, in bytes as written; Fastify's own default is 100. */
const LONGEST_NAME = 1024;

export function createApp({ maxBodyBytes, log }: AppOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: LONGEST_NAME },
    frameworkErrors: (error, _request, reply) => {
      sendError(reply, error, log);
    },
  });
  // Triton reads a body whatever its declared type: `curl -d` says it is a form.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, _request, reply) => sendError(reply, error, log));
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "Not Found" }));
  return app;
}

/** Serves `url` by one method; any other is 405 with the one that works. */
export function route<Params>(
  app: FastifyInstance,
  method: HTTPMethods,
  url: string,
  handler: (request: FastifyRequest & { params: Params }, reply: FastifyReply) => unknown,
): void {
  app.route<{ Params: Params }>({ method, url, handler: async (q, r) => handler(q as never, r) });
  app.route({
    method: app.supportedMethods.filter((other) => other !== method),
    url,
    handler: (_request, reply) =>
      reply.code(405).header("allow", method).send({ error: "Method Not Allowed" }),
  });
}

/** Triton's answer to a health question: 200 or 400, and no body either way. */
export function sendHealth(reply: FastifyReply, healthy: boolean): FastifyReply {
  return reply.code(healthy ? 200 : 400).send();
}

function sendError(reply: FastifyReply, thrown: unknown, log: Logger): FastifyReply {
  if (thrown instanceof StatusError) {
    return reply.code(httpStatus(thrown.code)).send({ error: thrown.message });
  }
  const { statusCode, code, message } = thrown as Partial<Record<string, unknown>>;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return reply.code(413).send({
      error: "request body is larger than the server allows; see --http-max-input-size",
    });
  }
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return reply.code(statusCode).send({ error: String(message) });
  }
  log.error("an HTTP request failed in an unforeseen way", { error: thrown });
  return reply.code(500).send({ error: "internal error; the server's log has the details" });
}
