/**
 * gRPC requests as finished bytes: HEADERS that every call of a connection
 * repeats, and DATA frames in which only the stream's number is missing. Sending
 * one is two copies and a few patches.
 */
import { FLAG, FRAME, FRAME_HEADER_BYTES, frame } from "./frames.ts";
import { encodeHeaders, type Header } from "./hpack.ts";

/** What is the same for all calls of a connection. */
export interface CallHead {
  /** `host:port`, as the client names the server. */
  readonly authority: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly headers?: readonly Header[];
}

export interface UnaryRequest extends CallHead {
  /** The encoded message, without gRPC's prefix. */
  readonly message: Uint8Array;
}

export interface HeadFrames {
  readonly first: Buffer;
  readonly later: Buffer;
}

/** @param scheme `https` where the connection is encrypted */
export function headFrames(
  head: CallHead,
  headerTableBytes: number,
  scheme: "http" | "https" = "http",
): HeadFrames {
  const blocks = encodeHeaders(
    [
      { name: ":method", value: "POST" },
      { name: ":scheme", value: scheme },
      { name: ":path", value: head.path },
      { name: ":authority", value: head.authority },
      { name: "te", value: "trailers" },
      { name: "content-type", value: "application/grpc" },
      { name: "user-agent", value: "beamgate-loadtest" },
      ...(head.headers ?? []),
    ],
    headerTableBytes,
  );
  return {
    first: frame(FRAME.HEADERS, FLAG.END_HEADERS, 0, blocks.first),
    later: frame(FRAME.HEADERS, FLAG.END_HEADERS, 0, blocks.later),
  };
}

/** One message, cut into frames of the size that the peer takes. */
export class RequestBody {
  /** gRPC's 5-byte prefix and the message. */
  readonly framed: Buffer;
  #frames: BodyFrames | undefined;
  #maxFrameBytes = 0;

  constructor(message: Uint8Array) {
    this.framed = framedMessage(message);
  }

  frames(maxFrameBytes: number): BodyFrames {
    if (this.#frames === undefined || this.#maxFrameBytes !== maxFrameBytes) {
      this.#frames = cut(this.framed, maxFrameBytes);
      this.#maxFrameBytes = maxFrameBytes;
    }
    return this.#frames;
  }
}

export interface BodyFrames {
  /** DATA frames of stream 0, the last with END_STREAM. */
  readonly bytes: Buffer;
  /** Where `bytes` wants the stream's number, 4 bytes big endian. */
  readonly streamAt: readonly number[];
}

function cut(body: Buffer, maxFrameBytes: number): BodyFrames {
  const frames: Buffer[] = [];
  const streamAt: number[] = [];
  let offset = 0;
  for (let at = 0; at < body.length; at += maxFrameBytes) {
    const end = Math.min(at + maxFrameBytes, body.length);
    const flags = end === body.length ? FLAG.END_STREAM : 0;
    const piece = frame(FRAME.DATA, flags, 0, body.subarray(at, end));
    frames.push(piece);
    streamAt.push(offset + FRAME_HEADER_BYTES - 4);
    offset += piece.length;
  }
  return { bytes: Buffer.concat(frames), streamAt };
}

/** gRPC's length-prefixed message: one byte 0 (not compressed), four of length. */
export function framedMessage(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(5 + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}
