/** What goes over the wire around the messages of an answer. */
import { Code } from "../../errors.ts";
import { encodeHeaders } from "../http2/hpack-encoder.ts";
import type { ResponseHeaders } from "../http2/protocol.ts";
import type { Stream } from "../http2/stream.ts";

export const RESPONSE_HEADERS: ResponseHeaders = {
  ":status": 200,
  "content-type": "application/grpc",
};

export const OK_TRAILERS: ResponseHeaders = { "grpc-status": "0" };

const RESPONSE_BLOCK = encodeHeaders(RESPONSE_HEADERS);
const OK_BLOCK = encodeHeaders(OK_TRAILERS);

/** As they go over the wire; those of nearly every answer are not made anew. @param headers or a block of them */
export function headerBlock(headers: ResponseHeaders | Buffer): Buffer {
  if (Buffer.isBuffer(headers)) return headers;
  if (headers === RESPONSE_HEADERS) return RESPONSE_BLOCK;
  return headers === OK_TRAILERS ? OK_BLOCK : encodeHeaders(headers);
}

/** Clients refuse headers beyond 8 kB (gRPC's default), so a text ends before. */
const MAX_MESSAGE_BYTES = 4096;

/** Trailers of an answer that ends with this status. */
export function statusTrailers(
  code: number,
  details: string,
  metadata?: ResponseHeaders,
): ResponseHeaders {
  if (code === Code.OK && details === "" && metadata === undefined) return OK_TRAILERS;
  const trailers = { ...metadata, "grpc-status": String(code) };
  return details === "" ? trailers : { ...trailers, "grpc-message": encodeMessage(details) };
}

/** Answers with nothing but a status, in one frame. */
export function respondTrailersOnly(stream: Stream, trailers: ResponseHeaders): void {
  stream.respond(encodeHeaders({ ...RESPONSE_HEADERS, ...trailers }), true);
}

/** Answers with an HTTP status, for a client that does not speak gRPC. */
export function respondHttpStatus(stream: Stream, status: number): void {
  stream.respond(encodeHeaders({ ":status": status }), true);
}

const PLAIN = /^[ -$&-~]*$/;
/** HTTP/2 has no white space at the ends of a value (RFC 9113 §8.2.1): nghttp2 would drop the whole header. */
const BLANK_END = /^ | $/g;

/** Percent-encodes everything but printable ASCII, and the percent sign (gRPC over HTTP/2, `Status-Message`). */
export function encodeMessage(text: string): string {
  return encodeCharacters(text).replace(BLANK_END, "%20");
}

function encodeCharacters(text: string): string {
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
