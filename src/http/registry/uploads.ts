/**
 * `GET`, `HEAD`, `PATCH /v2/beamgate/uploads/{digest}` and `POST …/finish`: bytes by their digest, in any
 * number of pieces, each from the offset that is told. What a client or a gateway that died left behind is
 * gone on with; what is there already is told at once. Never more than two pieces are in memory.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import { StatusError, toStatusError } from "../../errors.ts";
import { httpStatus } from "../status.ts";
import { asDigest, invalid } from "./read-fields.ts";
import {
  DetailedError,
  detailsOf,
  errorBody,
  type Handler,
  registryRoute,
} from "./registry-route.ts";
import type { RegistryRoom } from "./room.ts";
import { UploadBody } from "./upload-body.ts";

const UPLOAD = "/v2/beamgate/uploads/:digest";
/** A client that sends nothing for so long is cut off; its upload stays. */
const SILENCE_MS = 30_000;
/** Whoever sends what was refused may go on for so long, so that it gets to read why. */
const LINGER_MS = 5_000;

export interface UploadState {
  readonly digest: string;
  readonly receivedBytes: number;
  /** The bytes are there and have the digest: nothing is to be sent. */
  readonly complete: boolean;
}

interface Named {
  readonly digest: string;
}

/**
 * @param room throws where this gateway has no registry
 * @param closing true once no new connections are taken
 */
export function addUploads(
  app: FastifyInstance,
  room: () => RegistryRoom,
  closing: () => boolean,
): void {
  const tell: Handler<Named> = async ({ params }, reply) =>
    send(reply, await stateOf(room(), asDigest(params.digest, "digest")));
  registryRoute<Named>(app, UPLOAD, { GET: tell, HEAD: tell }, ["PATCH"]);
  registryRoute<Named>(app, `${UPLOAD}/finish`, {
    POST: async ({ params }, reply) => {
      const digest = asDigest(params.digest, "digest");
      const upload = await room().uploads.openUpload(digest);
      const { sizeBytes } = await upload.finish();
      return send(reply, { digest, receivedBytes: sizeBytes, complete: true });
    },
  });
  app.route<{ Params: Named }>({
    method: "PATCH",
    url: UPLOAD,
    // The last hook: calling no `done` keeps Fastify from collecting the body.
    onRequest: ({ raw, params }, reply, _done) => {
      reply.hijack();
      void receive(raw, reply.raw, params.digest, room, closing);
    },
    handler: () => undefined,
  });
}

/** Does not throw: every end is an answer, or a client that is gone. */
async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  digest: string,
  room: () => RegistryRoom,
  closing: () => boolean,
): Promise<void> {
  request.setTimeout(SILENCE_MS);
  const body = new UploadBody(request, closing);
  let status = 200;
  let answer: object;
  let offset: number | undefined;
  try {
    const state = await append(request, body, room(), asDigest(digest, "digest"));
    offset = state.receivedBytes;
    answer = state;
  } catch (thrown) {
    answer = errorBody(thrown);
    const details = detailsOf(thrown) as { readonly receivedBytes?: number };
    offset = details.receivedBytes;
    status = offset === undefined ? httpStatus(toStatusError(thrown).code) : 409;
    unforeseen(thrown, room);
  }
  request.setTimeout(0);
  if (body.hungUp) return;
  const text = JSON.stringify(answer);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...(offset === undefined ? {} : { "upload-offset": String(offset) }),
    ...(closing() ? { connection: "close" } : {}),
  });
  if (body.ended) {
    response.end(text);
    return;
  }
  // The whole answer is out, but not its end: Node would close under a client that still sends.
  response.write(text);
  const lingered = setTimeout(() => request.destroy(), LINGER_MS).unref();
  await body.discard();
  clearTimeout(lingered);
  response.end();
}

async function append(
  { headers }: IncomingMessage,
  body: UploadBody,
  { uploads, maxArtifactBytes }: RegistryRoom,
  digest: string,
): Promise<UploadState> {
  const offset = bytesOf(headers["upload-offset"], "Upload-Offset", 0);
  const length = bytesOf(headers["content-length"], "Content-Length", 0);
  if (headers["upload-offset"] === undefined) {
    throw invalid("Upload-Offset", "the byte at which the body begins, as HEAD tells it");
  }
  const there = await uploads.size(digest);
  if (there !== undefined) return { digest, receivedBytes: there, complete: true };
  if (
    Math.max(offset + length, bytesOf(headers["upload-length"], "Upload-Length", 0)) >
    maxArtifactBytes
  ) {
    const text = `the file is larger than ${maxArtifactBytes} bytes (registry.maxArtifactBytes)`;
    throw new StatusError("INVALID_ARGUMENT", text);
  }
  const upload = await uploads.openUpload(digest);
  try {
    const receivedBytes = await upload.append(offset, body, maxArtifactBytes);
    return { digest, receivedBytes, complete: false };
  } catch (thrown) {
    const conflict =
      thrown instanceof StatusError &&
      (thrown.code === "ABORTED" || thrown.code === "FAILED_PRECONDITION");
    if (!conflict) throw thrown;
    const { receivedBytes } = await uploads.openUpload(digest);
    throw new DetailedError(thrown, { receivedBytes });
  }
}

/** @throws StatusError INVALID_ARGUMENT */
function bytesOf(header: string | string[] | undefined, name: string, absent: number): number {
  if (header === undefined) return absent;
  const bytes = typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : -1;
  if (bytes < 0) throw invalid(name, "a number of bytes");
  return bytes;
}

async function stateOf({ uploads }: RegistryRoom, digest: string): Promise<UploadState> {
  const size = await uploads.size(digest);
  if (size !== undefined) return { digest, receivedBytes: size, complete: true };
  const { receivedBytes } = await uploads.openUpload(digest);
  return { digest, receivedBytes, complete: false };
}

function send(reply: FastifyReply, state: UploadState): FastifyReply {
  return reply
    .header("upload-offset", String(state.receivedBytes))
    .header("cache-control", "no-store")
    .send(state);
}

/** A gateway without a registry has no log of it, and nothing unforeseen either. */
function unforeseen(thrown: unknown, room: () => RegistryRoom): void {
  if (thrown instanceof StatusError) return;
  room().log.error("an upload failed in an unforeseen way", { error: thrown });
}
