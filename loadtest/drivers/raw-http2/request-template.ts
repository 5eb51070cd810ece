/**
 * One unary gRPC request as finished bytes: HEADERS and DATA frames in which
 * only the stream's number is missing. Sending it is a copy and a few patches.
 */
import { FLAG, FRAME, FRAME_HEADER_BYTES, frame } from "./frames.ts";
import { encodeHeaders, type Header } from "./hpack.ts";

export interface UnaryRequest {
  /** `host:port`, as the client names the server. */
  readonly authority: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The encoded message, without gRPC's prefix. */
  readonly message: Uint8Array;
  readonly headers?: readonly Header[];
}

export interface RequestTemplate {
  readonly firstHeaders: Buffer;
  readonly laterHeaders: Buffer;
  /** gRPC's 5-byte prefix and the message. */
  readonly body: Buffer;
  /** `laterHeaders` and the body in frames of the peer's size. */
  readonly whole: Buffer;
  /** Where `whole` wants the stream's number, 4 bytes big endian. */
  readonly streamAt: readonly number[];
}

export interface PeerLimits {
  readonly headerTableBytes: number;
  readonly maxFrameBytes: number;
}

export function requestTemplate(request: UnaryRequest, peer: PeerLimits): RequestTemplate {
  const blocks = encodeHeaders(
    [
      { name: ":method", value: "POST" },
      { name: ":scheme", value: "http" },
      { name: ":path", value: request.path },
      { name: ":authority", value: request.authority },
      { name: "te", value: "trailers" },
      { name: "content-type", value: "application/grpc" },
      { name: "user-agent", value: "beamgate-loadtest" },
      ...(request.headers ?? []),
    ],
    peer.headerTableBytes,
  );
  const body = framedMessage(request.message);
  const laterHeaders = frame(FRAME.HEADERS, FLAG.END_HEADERS, 0, blocks.later);
  const frames = [laterHeaders];
  for (let at = 0; at < body.length; at += peer.maxFrameBytes) {
    const end = Math.min(at + peer.maxFrameBytes, body.length);
    frames.push(
      frame(FRAME.DATA, end === body.length ? FLAG.END_STREAM : 0, 0, body.subarray(at, end)),
    );
  }
  const streamAt: number[] = [];
  let offset = 0;
  for (const { length } of frames) {
    streamAt.push(offset + FRAME_HEADER_BYTES - 4);
    offset += length;
  }
  return {
    firstHeaders: frame(FRAME.HEADERS, FLAG.END_HEADERS, 0, blocks.first),
    laterHeaders,
    body,
    whole: Buffer.concat(frames),
    streamAt,
  };
}

/** gRPC's length-prefixed message: one byte 0 (not compressed), four of length. */
export function framedMessage(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(5 + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}
