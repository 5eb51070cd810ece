/** What the headers of a call say, read once; or why it is refused before its message is looked at. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Clock } from "../../clock.ts";
import { Code, StatusError } from "../../errors.ts";
import { ACCEPTED_ENCODINGS, type Encoding, parseEncoding } from "./compression.ts";
import { parseTimeoutMs } from "./deadline.ts";
import { hangUp, respondHttpStatus, respondTrailersOnly, statusTrailers } from "./response.ts";

export interface CallHead {
  readonly encoding: Encoding;
  /** `Clock.now` ms; Infinity for none. */
  readonly deadline: number;
}

/** An HTTP status for who does not speak gRPC; else a gRPC status. */
export type Refusal = number | StatusError;

const GRPC_CONTENT_TYPE = "application/grpc";

export function readCallHead(headers: IncomingHttpHeaders, clock: Clock): CallHead | Refusal {
  const contentType = headers["content-type"];
  if (contentType === undefined || !isGrpc(contentType)) return 415;
  if (headers[":method"] !== "POST") return 405;
  const timeout = headers["grpc-timeout"] as string | undefined;
  let deadline = Number.POSITIVE_INFINITY;
  if (timeout !== undefined) {
    const timeoutMs = parseTimeoutMs(timeout);
    if (timeoutMs === undefined) {
      return new StatusError("INTERNAL", `Invalid grpc-timeout value "${timeout}"`);
    }
    deadline = clock.now() + timeoutMs;
  }
  const encodingName = headers["grpc-encoding"] as string | undefined;
  const encoding = parseEncoding(encodingName);
  if (encoding === undefined) {
    const text = `Compression "${encodingName}" is not supported; use one of ${ACCEPTED_ENCODINGS}`;
    return new StatusError("UNIMPLEMENTED", text);
  }
  return { encoding, deadline };
}

/** Answers without reading the request; tells a client that is still sending to stop. */
export function refuse(stream: ServerHttp2Stream, flags: number, refusal: Refusal): void {
  stream.on("error", () => {});
  if (typeof refusal === "number") {
    respondHttpStatus(stream, refusal);
  } else {
    // Only a refused encoding needs the list, but it does no harm elsewhere.
    const metadata = { "grpc-accept-encoding": ACCEPTED_ENCODINGS };
    respondTrailersOnly(stream, statusTrailers(Code[refusal.code], refusal.message, metadata));
  }
  if (flags & constants.NGHTTP2_FLAG_END_STREAM) stream.resume();
  else hangUp(stream);
}

function isGrpc(contentType: string): boolean {
  if (contentType === GRPC_CONTENT_TYPE) return true;
  const next = contentType.startsWith(GRPC_CONTENT_TYPE)
    ? contentType[GRPC_CONTENT_TYPE.length]
    : "";
  return next === "+" || next === ";";
}
