/** What the headers of a call say, read once; or why it is refused before its message is looked at. */
import type { Clock } from "../../clock.ts";
import { Code, StatusError } from "../../errors.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Stream } from "../http2/stream.ts";
import { ACCEPTED_ENCODINGS, type Encoding, parseEncoding } from "./compression.ts";
import { parseTimeoutMs } from "./deadline.ts";
import { respondHttpStatus, respondTrailersOnly, statusTrailers } from "./response.ts";

export interface CallHead {
  readonly encoding: Encoding;
  /** `Clock.now` ms; Infinity for none. */
  readonly deadline: number;
}

/** An HTTP status for who does not speak gRPC; else a gRPC status. */
export type Refusal = number | StatusError;

const GRPC_CONTENT_TYPE = "application/grpc";

export function readCallHead(headers: RequestHeaders, clock: Clock): CallHead | Refusal {
  const contentType = headers["content-type"];
  if (contentType === undefined || !isGrpc(contentType)) return 415;
  if (headers[":method"] !== "POST") return 405;
  const timeout = headers["grpc-timeout"];
  let deadline = Number.POSITIVE_INFINITY;
  if (timeout !== undefined) {
    const timeoutMs = parseTimeoutMs(timeout);
    if (timeoutMs === undefined) {
      return new StatusError("INTERNAL", `Invalid grpc-timeout value "${timeout}"`);
    }
    deadline = clock.now() + timeoutMs;
  }
  const encodingName = headers["grpc-encoding"];
  const encoding = parseEncoding(encodingName);
  if (encoding === undefined) {
    const text = `Compression "${encodingName}" is not supported; use one of ${ACCEPTED_ENCODINGS}`;
    return new StatusError("UNIMPLEMENTED", text);
  }
  return { encoding, deadline };
}

/** Answers without reading the request. */
export function refuse(stream: Stream, refusal: Refusal): void {
  if (typeof refusal === "number") {
    respondHttpStatus(stream, refusal);
  } else {
    // Only a refused encoding needs the list, but it does no harm elsewhere.
    const metadata = { "grpc-accept-encoding": ACCEPTED_ENCODINGS };
    respondTrailersOnly(stream, statusTrailers(Code[refusal.code], refusal.message, metadata));
  }
}

function isGrpc(contentType: string): boolean {
  if (contentType === GRPC_CONTENT_TYPE) return true;
  const next = contentType.startsWith(GRPC_CONTENT_TYPE)
    ? contentType[GRPC_CONTENT_TYPE.length]
    : "";
  return next === "+" || next === ";";
}
