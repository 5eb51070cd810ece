/**
 * Where a unary answer comes from, once more as a trailer: for proxies, and for those who do not read messages.
 * One field for everything: clients pay for every field that they decode, far more than for its length.
 */
import { digitsOf, writeDigits } from "../../inference/digits.ts";
import { BATCH_PAIR, ORIGIN_HEADER, originText, QUEUE_PAIR } from "../../inference/provenance.ts";
import type { InferResponse, Parameters } from "../../inference/request.ts";
import { encodeHeaders } from "../http2/hpack-encoder.ts";
import { OK_TRAILERS } from "../transport/response.ts";

/** Status, and the name of a literal that is not indexed (RFC 7541 §6.2.2), up to the length of its value. */
const HEAD = head();
/** Largest length that fits beside the flag that says whether the value is Huffman-coded. */
const SHORT_LENGTH = 126;
const BATCH = Buffer.from(BATCH_PAIR, "latin1");
const QUEUE = Buffer.from(QUEUE_PAIR, "latin1");

const known = new WeakMap<Parameters, Buffer>();

/** A whole header block, `grpc-status: 0` included; undefined for an answer that tells nothing. */
export function provenanceTrailers(response: InferResponse): Buffer | undefined {
  const { parameters, batchRows, queueUs } = response;
  if (parameters === undefined) return undefined;
  const shared = sharedText(parameters);
  const length = shared.length + pairBytes(BATCH, batchRows) + pairBytes(QUEUE, queueUs);
  const block = Buffer.allocUnsafe(HEAD.length + lengthBytes(length) + length);
  block.set(HEAD);
  let at = writeLength(block, HEAD.length, length);
  block.set(shared, at);
  at = writePair(block, at + shared.length, BATCH, batchRows);
  writePair(block, at, QUEUE, queueUs);
  return block;
}

function pairBytes(pair: Buffer, value: number | undefined): number {
  return value === undefined ? 0 : pair.length + digitsOf(value);
}

function writePair(block: Buffer, offset: number, pair: Buffer, value: number | undefined): number {
  if (value === undefined) return offset;
  // Shorter than what a call into native code pays for.
  for (let i = 0; i < pair.length; i++) block[offset + i] = pair[i] ?? 0;
  return writeDigits(block, offset + pair.length, value);
}

function sharedText(parameters: Parameters): Buffer {
  let text = known.get(parameters);
  if (text === undefined) {
    text = Buffer.from(originText(parameters), "latin1");
    known.set(parameters, text);
  }
  return text;
}

function lengthBytes(length: number): number {
  let bytes = 1;
  if (length <= SHORT_LENGTH) return bytes;
  for (let rest = length - SHORT_LENGTH - 1; rest >= 128; rest >>= 7) bytes += 1;
  return bytes + 1;
}

function writeLength(block: Buffer, offset: number, length: number): number {
  let at = offset;
  if (length <= SHORT_LENGTH) {
    block[at++] = length;
    return at;
  }
  block[at++] = SHORT_LENGTH + 1;
  let rest = length - SHORT_LENGTH - 1;
  for (; rest >= 128; rest >>= 7) block[at++] = (rest & 127) | 128;
  block[at++] = rest;
  return at;
}

function head(): Buffer {
  const whole = encodeHeaders({ ...OK_TRAILERS, [ORIGIN_HEADER]: "" });
  return whole.subarray(0, whole.length - 1);
}
