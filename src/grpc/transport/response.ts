/** What goes over the wire around the messages of an answer. */
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { Code } from "../../errors.ts";

export const RESPONSE_HEADERS: OutgoingHttpHeaders = {
  ":status": 200,
  "content-type": "application/grpc",
};

export const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": "0" };

/** Making a date for every answer costs more than it tells. */
export const RESPOND_THEN_TRAILERS = { waitForTrailers: true, sendDate: false };
const RESPOND_ONLY = { endStream: true, sendDate: false };

/** Clients refuse headers beyond 8 kB (gRPC's default), so a text ends before. */
const MAX_MESSAGE_BYTES = 4096;

/** Trailers of an answer that ends with this status. */
export function statusTrailers(
  code: number,
  details: string,
  metadata?: OutgoingHttpHeaders,
): OutgoingHttpHeaders {
  if (code === Code.OK && details === "" && metadata === undefined) return OK_TRAILERS;
  const trailers: OutgoingHttpHeaders = { ...metadata, "grpc-status": String(code) };
  if (details !== "") trailers["grpc-message"] = encodeMessage(details);
  return trailers;
}

/** Answers with nothing but a status, in one frame. */
export function respondTrailersOnly(
  stream: ServerHttp2Stream,
  trailers: OutgoingHttpHeaders,
): void {
  stream.respond({ ...RESPONSE_HEADERS, ...trailers }, RESPOND_ONLY);
}

/** Answers with an HTTP status, for a client that does not speak gRPC. */
export function respondHttpStatus(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ":status": status }, RESPOND_ONLY);
}

/** Time between two looks whether the answer has left, ms. */
const LOOK_AGAIN_MS = 5;

/**
 * Tells a client that is still sending to stop (RST_STREAM without an error), once
 * the end of its answer has left: a reset drops what is still queued.
 */
export function hangUp(stream: ServerHttp2Stream): void {
  setImmediate(() => {
    if (stream.destroyed || stream.closed) return;
    if (stream.state.localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR);
    else setTimeout(hangUp, LOOK_AGAIN_MS, stream).unref();
  });
}

const PLAIN = /^[ -$&-~]*$/;

/** Percent-encodes everything but printable ASCII, and the percent sign (gRPC over HTTP/2, `Status-Message`). */
export function encodeMessage(text: string): string {
  if (text.length <= MAX_MESSAGE_BYTES && PLAIN.test(text)) return text;
  let encoded = "";
  // By character, so that the cut never leaves half of one.
  for (const character of text) {
    encoded += PLAIN.test(character) ? character : percentEncoded(character);
    if (encoded.length >= MAX_MESSAGE_BYTES) return `${encoded}...`;
  }
  return encoded;
}

function percentEncoded(character: string): string {
  let encoded = "";
  for (const byte of Buffer.from(character)) {
    encoded += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
