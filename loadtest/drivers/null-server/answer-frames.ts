/** The null server's answers as finished frames, in which only the stream's number is missing. */
import { FLAG, FRAME, FRAME_HEADER_BYTES, frame } from "../raw-http2/frames.ts";
import { literalHeader } from "../raw-http2/hpack.ts";
import { ID_DIGITS } from "../raw-http2/message-stream.ts";
import { framedMessage } from "../raw-http2/request-template.ts";
import { ANSWERS, inferAnswer } from "./answers.ts";

const STATUS_200 = 0x88;
const UNIMPLEMENTED = 12;
const CONTENT_TYPE = literalHeader("content-type", "application/grpc");

export interface AnswerFrames {
  readonly bytes: Buffer;
  /** Where `bytes` wants the stream's number, 4 bytes big endian. */
  readonly streamAt: readonly number[];
  /** Of these, what counts for windows. */
  readonly dataBytes: number;
}

const AT_START = [FRAME_HEADER_BYTES - 4];

function headers(flags: number, ...block: readonly number[]): AnswerFrames {
  const bytes = frame(FRAME.HEADERS, flags | FLAG.END_HEADERS, 0, Uint8Array.from(block));
  return { bytes, streamAt: AT_START, dataBytes: 0 };
}

export const HEADERS = headers(0, STATUS_200, ...CONTENT_TYPE);
export const TRAILERS = headers(FLAG.END_STREAM, ...literalHeader("grpc-status", "0"));
export const NOT_IMPLEMENTED = headers(
  FLAG.END_STREAM,
  STATUS_200,
  ...CONTENT_TYPE,
  ...literalHeader("grpc-status", String(UNIMPLEMENTED)),
  ...literalHeader("grpc-message", "a null server knows the most common calls only"),
);

function unary(message: Buffer): AnswerFrames {
  const data = frame(FRAME.DATA, 0, 0, framedMessage(message));
  const parts = [HEADERS.bytes, data, TRAILERS.bytes];
  const starts = [0, HEADERS.bytes.length, HEADERS.bytes.length + data.length];
  return {
    bytes: Buffer.concat(parts),
    streamAt: starts.map((at) => at + FRAME_HEADER_BYTES - 4),
    dataBytes: data.length - FRAME_HEADER_BYTES,
  };
}

const WITHOUT_ID = unary(inferAnswer(""));

/** @param id as the client gave it; undefined: it gave none */
export function unaryAnswer(id: Buffer | undefined): AnswerFrames {
  return id === undefined ? WITHOUT_ID : unary(inferAnswer(id.toString()));
}

/** By method; undefined: not implemented. */
export const CONTROL: ReadonlyMap<string, AnswerFrames> = new Map(
  Object.entries(ANSWERS).map(([method, answer]) => [method, unary(answer)]),
);

function streamFrames(id: string): AnswerFrames {
  const response = inferAnswer(id);
  const message = Buffer.concat([Buffer.from([0x12, response.length]), response]);
  const bytes = frame(FRAME.DATA, 0, 0, framedMessage(message));
  return { bytes, streamAt: AT_START, dataBytes: bytes.length - FRAME_HEADER_BYTES };
}

/** With ids of our own length: only the digits differ. */
const NUMBERED = streamFrames("0".repeat(ID_DIGITS));
const ID_AT = NUMBERED.bytes.indexOf("0".repeat(ID_DIGITS), 0, "latin1");

/** A DATA frame with one ModelStreamInferResponse. */
export function streamAnswer(id: Buffer | undefined): AnswerFrames {
  if (id?.length !== ID_DIGITS) return streamFrames(id?.toString() ?? "");
  const bytes = Buffer.from(NUMBERED.bytes);
  id.copy(bytes, ID_AT);
  return { ...NUMBERED, bytes };
}

/** The id of a ModelInferRequest, where it has one. */
export function requestId(bytes: Buffer, start: number, end: number): Buffer | undefined {
  for (let at = start; at < end; ) {
    const tag = bytes[at] ?? 0;
    const length = bytes[at + 1] ?? 0;
    // Name, version, id: what comes later says that there is none.
    if (length >= 128 || (tag !== 0x0a && tag !== 0x12 && tag !== 0x1a)) return undefined;
    if (tag === 0x1a) return Buffer.from(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return undefined;
}
