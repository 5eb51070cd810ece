/**
 * What every HTTP listener of ours has in common: Triton's form of errors,
 * bounded bodies and names, no stack traces, and an end that waits for answers.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type HTTPMethods,
} from "fastify";
import { StatusError } from "../errors.ts";
import { LONGEST_STORY_ID } from "../inference/story.ts";
import type { Logger } from "../logger.ts";
import type { RefusesMethods } from "./authorize.ts";
import type { Secure } from "./secure.ts";
import { errorStatus, retryAfter } from "./status.ts";

export interface AppOptions {
  readonly maxBodyBytes: number;
  readonly log: Logger;
  /** undefined: HTTP as it is. */
  readonly secure?: Secure | undefined;
}

/** A client that needs longer than this to send its request, or its headers, is cut off. */
const REQUEST_TIMEOUT_MS = 300_000;
const HEADERS_TIMEOUT_MS = 30_000;
/**
 * Longest name in a path, in bytes as written: the id of a request that has a story, each of whose characters may take
 * nine. Fastify's own default is 100.
 */
const LONGEST_NAME = 9 * LONGEST_STORY_ID;

const JSON_TYPE = "application/json";
const FASTIFY_JSON = "application/json; charset=utf-8";

export function createApp({ maxBodyBytes, log, secure }: AppOptions): FastifyInstance {
  const http = { headersTimeout: HEADERS_TIMEOUT_MS };
  const app: FastifyInstance = fastify({
    // To Fastify's types another server, to everybody here the same.
    ...((secure ? { https: { ...http, ...secure.rules } } : { http }) as { http: typeof http }),
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: LONGEST_NAME },
    clientErrorHandler: refuseMessage,
    frameworkErrors: (error, _request, reply) => {
      sendError(reply, error, log);
    },
  });
  secure?.attach(app.server);
  // Triton reads a body whatever its declared type: `curl -d` says it is a form.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  // Triton's form, to the letter; JSON is UTF-8 anyway.
  app.addHook("onSend", (_request, reply, payload, done) => {
    if (reply.getHeader("content-type") === FASTIFY_JSON) reply.header("content-type", JSON_TYPE);
    done(null, payload);
  });
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
  refuseOthers(app, [method], url);
}

/** Serves `url` to GET and to POST by one handler. */
export function routeBoth<Params>(
  app: FastifyInstance,
  url: string,
  handler: (request: FastifyRequest & { params: Params }, reply: FastifyReply) => unknown,
): void {
  const method: HTTPMethods[] = ["GET", "POST"];
  app.route<{ Params: Params }>({ method, url, handler: async (q, r) => handler(q as never, r) });
  refuseOthers(app, method, url);
}

/** Answers every method but these with 405 and the ones that work. */
export function refuseOthers(app: FastifyInstance, methods: readonly string[], url: string): void {
  app.route({
    method: app.supportedMethods.filter((other) => !methods.includes(other)),
    url,
    config: { refusesMethods: true } satisfies RefusesMethods,
    handler: (_request, reply) =>
      reply.code(405).header("allow", methods.join(", ")).send({ error: "Method Not Allowed" }),
  });
}

/**
 * Like `route`, for a handler that reads the body and writes the answer itself, with no more of
 * Fastify than its routing and its `onRequest` hooks.
 */
export function takeOver<Params>(
  app: FastifyInstance,
  method: HTTPMethods,
  url: string,
  handler: (request: IncomingMessage, response: ServerResponse, params: Params) => void,
): void {
  app.route<{ Params: Params }>({
    method,
    url,
    // The last hook: calling no `done` keeps the body from being parsed.
    onRequest: (request, reply, _done) => {
      reply.hijack();
      handler(request.raw, reply.raw, request.params as Params);
    },
    handler: () => undefined,
  });
  refuseOthers(app, [method], url);
}

/** Answers with a text that is JSON already. */
export function sendJson(reply: FastifyReply, json: string): FastifyReply {
  return reply.header("content-type", JSON_TYPE).send(json);
}

/** Triton's answer to a health question: 200 or 400, and no body either way. */
export function sendHealth(reply: FastifyReply, healthy: boolean): FastifyReply {
  return reply.code(healthy ? 200 : 400).send();
}

/** What Node could not read as HTTP: the answers to what came before go first, then the connection ends. */
function refuseMessage(error: NodeJS.ErrnoException, socket: Socket): void {
  const [status, reason] = REFUSALS[error.code ?? ""] ?? [400, "the request is not HTTP/1.1"];
  const body = JSON.stringify({ error: reason });
  setImmediate(() => {
    if (socket.writable) {
      socket.write(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${JSON_TYPE}\r\n` +
          `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    }
    socket.destroySoon();
  });
}

const REFUSALS: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "the headers of the request are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the request did not come in time"],
};

function sendError(reply: FastifyReply, thrown: unknown, log: Logger): FastifyReply {
  if (thrown instanceof StatusError) {
    const after = retryAfter(thrown);
    if (after !== undefined) reply.header("retry-after", after);
    return reply.code(errorStatus(thrown)).send({ error: thrown.message });
  }
  const { statusCode, code, message } = thrown as Partial<Record<string, unknown>>;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return reply.code(400).send({
      error: `request JSON size exceeds the maximum allowed input size of ${reply.server.initialConfig.bodyLimit} bytes. Use --http-max-input-size to increase the limit.`,
    });
  }
  if (code === "FST_ERR_MAX_PARAM_LENGTH") {
    return reply.code(414).send({
      error:
        `a name in the path is longer than ${LONGEST_NAME} bytes as written: nothing here is called so, and of ` +
        `requests those with ids of at most ${LONGEST_STORY_ID} characters are kept to be explained`,
    });
  }
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return reply.code(statusCode).send({ error: String(message) });
  }
  log.error("an HTTP request failed in an unforeseen way", { error: thrown });
  return reply.code(500).send({ error: "internal error; the server's log has the details" });
}
