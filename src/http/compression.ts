/** gzip and deflate of bodies; what comes out is bounded before it is kept. */
import {
  createGunzip,
  createInflate,
  deflate,
  deflateSync,
  gunzipSync,
  gzip,
  gzipSync,
  inflateSync,
} from "node:zlib";
import { StatusError } from "../errors.ts";
import { joinPieces } from "../inference/pieces.ts";
import type { Pieces } from "../inference/request.ts";

export type Encoding = "gzip" | "deflate";

/** Up to here it happens at once; beyond, in a thread, so that others are not kept waiting. */
const AT_ONCE_BYTES = 64 * 1024;
const AT_ONCE_INFLATED_BYTES = 256 * 1024;
/** zlib's fastest: a network that needs compression is slower still. */
const LEVEL = 1;

/**
 * @returns undefined for a body that is sent as it is
 * @throws StatusError UNIMPLEMENTED for an encoding nobody here reads
 */
export function requestEncoding(header: string | undefined): Encoding | undefined {
  if (header === undefined || header === "" || header === "identity") return undefined;
  if (header === "gzip" || header === "deflate") return header;
  throw new StatusError("UNIMPLEMENTED", "Unsupported compression type");
}

/** The encoding an `Accept-Encoding` asks for most, the first of equals; undefined: none. */
export function responseEncoding(header: string | undefined): Encoding | undefined {
  if (header === undefined) return undefined;
  let best: string | undefined;
  let bestWeight = 0;
  for (const entry of header.split(",")) {
    const [name = "", weightText] = entry.trimStart().split(";q=");
    if (name !== "gzip" && name !== "deflate" && name !== "identity") continue;
    const weight = weightText === undefined ? 1 : Number.parseFloat(weightText);
    if (weight > bestWeight) {
      best = name;
      bestWeight = weight;
    }
  }
  return best === "gzip" || best === "deflate" ? best : undefined;
}

export interface InflateLimits {
  readonly maxBytes: number;
  /** Reserves room for bytes that came out; false: there is none. */
  reserve(bytes: number): boolean;
}

/** Calls `done` once, at once or later; what was reserved stays reserved, whatever comes of it. */
export function inflateBody(
  body: Pieces,
  encoding: Encoding,
  limits: InflateLimits,
  done: (result: Pieces | StatusError) => void,
): void {
  if (body.byteLength > AT_ONCE_BYTES) {
    inflateInThread(body, encoding, limits, done);
    return;
  }
  let inflated: Buffer;
  try {
    const maxOutputLength = Math.min(AT_ONCE_INFLATED_BYTES, limits.maxBytes);
    inflated = (encoding === "gzip" ? gunzipSync : inflateSync)(joinPieces(body), {
      maxOutputLength,
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      inflateInThread(body, encoding, limits, done);
    } else done(notInflatable(encoding, cause));
    return;
  }
  if (!limits.reserve(inflated.length)) done(noRoom());
  else done({ byteLength: inflated.length, pieces: [inflated] });
}

function inflateInThread(
  body: Pieces,
  encoding: Encoding,
  { maxBytes, reserve }: InflateLimits,
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
    if (byteLength > maxBytes) finish(tooLong(maxBytes));
    else if (!reserve(piece.length)) finish(noRoom());
    else pieces.push(piece);
  });
  inflater.on("end", () => finish({ byteLength, pieces }));
  inflater.on("error", (cause) => finish(notInflatable(encoding, cause)));
  for (const piece of body.pieces) inflater.write(piece);
  inflater.end();
}

/** Calls `done` once, at once or later. */
export function deflateBody(
  body: Buffer,
  encoding: Encoding,
  done: (result: Buffer | Error) => void,
): void {
  if (body.length <= AT_ONCE_BYTES) {
    done((encoding === "gzip" ? gzipSync : deflateSync)(body, { level: LEVEL }));
    return;
  }
  (encoding === "gzip" ? gzip : deflate)(body, { level: LEVEL }, (error, compressed) => {
    done(error ?? compressed);
  });
}

/** What a client hears whose body finds no room in memory now. */
export const noRoom = () =>
  new StatusError(
    "UNAVAILABLE",
    "no room for the request: the receive budget of the server is spent; send it later",
  );

const tooLong = (maxBytes: number) =>
  new StatusError(
    "INVALID_ARGUMENT",
    `Decompressed data size exceeds the maximum allowed value of ${maxBytes} bytes. Use --http-max-input-size to increase the limit.`,
  );

const notInflatable = (encoding: Encoding, cause: unknown) =>
  new StatusError("INVALID_ARGUMENT", `the request body is not valid ${encoding} data`, { cause });
