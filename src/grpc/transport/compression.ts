/** gzip and deflate for messages, with every byte that comes out accounted for before it is kept. */
import {
  createDeflate,
  createGunzip,
  createGzip,
  createInflate,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
} from "node:zlib";
import { StatusError } from "../../errors.ts";
import type { Pieces } from "../../inference/request.ts";
import { compressedPrefix, PREFIX_BYTES } from "./frame.ts";
import { joined } from "./piece-list.ts";

export type Encoding = "identity" | "deflate" | "gzip";

export const ACCEPTED_ENCODINGS = "identity,deflate,gzip";

/** Up to here (de)compression happens at once; beyond, in a thread, so that others are not kept waiting. */
const AT_ONCE_BYTES = 64 * 1024;
/** What a small message may inflate to at once; beyond, it goes to a thread too. */
const AT_ONCE_INFLATED_BYTES = 256 * 1024;

/** @returns undefined for an encoding that is not known here. */
export function parseEncoding(header: string | undefined): Encoding | undefined {
  if (header === undefined) return "identity";
  return header === "gzip" || header === "deflate" || header === "identity" ? header : undefined;
}

/** True where the list of a `grpc-accept-encoding` header names the encoding. */
export function accepts(header: string | undefined, encoding: Encoding): boolean {
  return header?.split(",").some((name) => name.trim() === encoding) ?? false;
}

export interface InflateLimits {
  readonly maxBytes: number;
  /** Reserves room for bytes that came out; false: there is none. */
  reserve(bytes: number): boolean;
}

/**
 * Calls `done` with the inflated message, at once or later; what was reserved
 * stays reserved, whatever comes of it.
 */
export function inflate(
  message: Pieces,
  encoding: Exclude<Encoding, "identity">,
  limits: InflateLimits,
  done: (result: Pieces | StatusError) => void,
): void {
  if (message.byteLength > AT_ONCE_BYTES) {
    inflateInThread(message, encoding, limits, done);
    return;
  }
  let inflated: Buffer;
  try {
    const maxOutputLength = Math.min(AT_ONCE_INFLATED_BYTES, limits.maxBytes);
    inflated = (encoding === "gzip" ? gunzipSync : inflateSync)(joined(message), {
      maxOutputLength,
    });
  } catch (cause) {
    if (codeOf(cause) === "ERR_BUFFER_TOO_LARGE") inflateInThread(message, encoding, limits, done);
    else done(notInflatable(encoding, cause));
    return;
  }
  if (!limits.reserve(inflated.length)) done(noRoom());
  else done({ byteLength: inflated.length, pieces: [inflated] });
}

function inflateInThread(
  message: Pieces,
  encoding: Exclude<Encoding, "identity">,
  limits: InflateLimits,
  done: (result: Pieces | StatusError) => void,
): void {
  const pieces: Buffer[] = [];
  let byteLength = 0;
  let over = false;
  const inflater = (encoding === "gzip" ? createGunzip : createInflate)({
    chunkSize: AT_ONCE_BYTES,
  });
  const finish = (result: Pieces | StatusError) => {
    if (over) return;
    over = true;
    inflater.destroy();
    done(result);
  };
  inflater.on("data", (piece: Buffer) => {
    if (over) return;
    byteLength += piece.length;
    if (byteLength > limits.maxBytes) finish(tooLong(limits.maxBytes));
    else if (!limits.reserve(piece.length)) finish(noRoom());
    else pieces.push(piece);
  });
  inflater.on("end", () => finish({ byteLength, pieces }));
  inflater.on("error", (cause) => finish(notInflatable(encoding, cause)));
  for (const piece of message.pieces) inflater.write(piece);
  inflater.end();
}

/**
 * Calls `done` with the compressed form of a framed message (its first bytes are
 * the prefix, which is filled in), at once or later.
 */
export function deflateFramed(
  framed: Buffer,
  encoding: Exclude<Encoding, "identity">,
  level: number,
  done: (framed: Buffer) => void,
): void {
  const body = framed.subarray(PREFIX_BYTES);
  if (body.length <= AT_ONCE_BYTES) {
    const compressed = (encoding === "gzip" ? gzipSync : deflateSync)(body, { level });
    done(Buffer.concat([compressedPrefix(compressed.length), compressed]));
    return;
  }
  const pieces: Buffer[] = [];
  const deflater = (encoding === "gzip" ? createGzip : createDeflate)({ level });
  deflater.on("data", (piece: Buffer) => pieces.push(piece));
  deflater.on("end", () => {
    const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    done(Buffer.concat([compressedPrefix(lengthBytes), ...pieces]));
  });
  deflater.end(body);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

const noRoom = () =>
  new StatusError(
    "RESOURCE_EXHAUSTED",
    "No room to decompress the message: the receive budget of the server is spent; send it later or uncompressed.",
  );

const tooLong = (maxBytes: number) =>
  new StatusError(
    "RESOURCE_EXHAUSTED",
    `Received message that decompresses to a size larger than ${maxBytes}`,
  );

const notInflatable = (encoding: Encoding, cause: unknown) =>
  new StatusError("INTERNAL", `The message is not valid ${encoding} data`, { cause });
