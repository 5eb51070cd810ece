/**
 * What the gateway and an edge say to each other. Frames are headed like those of HTTP/2, and by the number of the client's
 * connection: 24 bits of length, type, flags, stream, connection. Messages beside them, over Node's channel, carry sockets.
 */

import type { PresentedCertificate, ServerName } from "../../tenants/origin.ts";
import type { TlsOptions } from "../../tenants/tls/tls-files.ts";
import type { RequestHeaders } from "../http2/protocol.ts";

/** From the edge. */
export const Told = {
  /** JSON of `Opening`. */
  OPENED: 1,
  /** The client's connection has ended, in its handshake perhaps. */
  CLOSED: 2,
  /** A request: the slot of its headers, the headers where they are new, and what of its body came with them. */
  REQUEST: 3,
  /** Of the body, as the network delivered it, beyond what came with the request. */
  DATA: 4,
  /** The client has said its last word on the stream. */
  END: 5,
  /** The stream is gone and nobody here asked for it. */
  GONE: 6,
  /** A number: bytes of answers that have left. */
  TAKEN: 7,
  /** A PING of the client. */
  PINGED: 8,
  /** The answer to ours, of a client or of the edge itself. */
  PONG: 9,
  /** A flag: the client's socket takes nothing more at the moment. */
  STUCK: 10,
} as const;

/** To the edge. */
export const Asked = {
  /** An encoded block of headers. */
  RESPOND: 16,
  WRITE: 17,
  /** A whole answer, as `wholePayload` puts it. */
  ANSWER: 18,
  /** An encoded block of trailers: ends the stream after what was written. */
  FINISH: 19,
  /** A number: the code. */
  RESET: 20,
  /** A number: the client may send so many bytes more. */
  GIVE_BACK: 21,
  LEAVE: 22,
  CUT: 23,
  /** A number, the code; and the reason. */
  REFUSE: 24,
  /** Whether the client lives, or the edge itself. */
  PING: 25,
} as const;

/** The number that no client's connection has: PING and PONG with it are between the gateway and the edge. */
export const EDGE_ITSELF = 0;

/** In REQUEST: the client says no more. In RESPOND: nothing else follows. In STUCK: it is. */
export const FLAG = 1;
/** In REQUEST: the slot is filled anew, by headers behind their length in four bytes. */
export const DEFINES = 2;
/** Sets of headers that each side remembers of a connection. */
export const SLOTS = 8;

export interface Opening {
  readonly peer: string;
  readonly certificate?: PresentedCertificate | undefined;
  readonly listener?: string | undefined;
}

/** Over Node's channel. */
export type ToEdge =
  | { readonly kind: "settings"; readonly settings: EdgeSettings }
  /** With a socket; the number is the connection's from now on. */
  | { readonly kind: "connection"; readonly id: number; readonly listener?: string | undefined }
  | { readonly kind: "reload TLS" };

export type FromEdge =
  | { readonly kind: "ready" }
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly message: string;
      readonly fields?: object | undefined;
    };

export interface EdgeSettings {
  readonly tls?: TlsOptions | undefined;
  readonly names: readonly ServerName[];
  /** Certificates are looked at. */
  readonly asks: boolean;
  readonly receiveWindowBytes: number;
  readonly streamWindowBytes: number;
  readonly maxFrameBytes: number;
  readonly maxConcurrentStreams: number;
}

/** Neither names nor values of headers can hold it. */
const BETWEEN = "\0";

export function headersBytes(headers: RequestHeaders): Buffer {
  const fields: string[] = [];
  for (const name in headers) fields.push(name, headers[name] ?? "");
  const text = Buffer.from(fields.join(BETWEEN));
  return Buffer.concat([number(text.length), text]);
}

/** What `headersBytes` made, between its length and `end`. */
export function readHeaders(bytes: Buffer, start: number, end: number): RequestHeaders {
  const fields = bytes.toString("utf8", start, end).split(BETWEEN);
  const headers: Record<string, string> = Object.create(null);
  for (let at = 0; at + 1 < fields.length; at += 2)
    headers[fields[at] ?? ""] = fields[at + 1] ?? "";
  return headers;
}

/** Lengths of the two blocks in front of an answer. */
export const ANSWER_HEAD_BYTES = 4;

export interface WholeAnswer {
  readonly headers: Buffer;
  readonly data: Buffer;
  readonly trailers: Buffer;
}

export function readAnswer(bytes: Buffer, start: number, end: number): WholeAnswer {
  const headersAt = start + ANSWER_HEAD_BYTES;
  const trailersAt = headersAt + bytes.readUInt16BE(start);
  const dataAt = trailersAt + bytes.readUInt16BE(start + 2);
  return {
    headers: bytes.subarray(headersAt, trailersAt),
    trailers: bytes.subarray(trailersAt, dataAt),
    data: bytes.subarray(dataAt, end),
  };
}

export function number(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
