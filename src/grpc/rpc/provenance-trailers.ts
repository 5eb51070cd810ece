/** Where a unary answer comes from, once more as trailers: for proxies and those who do not read messages. */
import { BATCH_SIZE, headerName, headerValue, QUEUE_US } from "../../inference/provenance.ts";
import type { InferResponse, Parameters } from "../../inference/request.ts";
import { encodeHeaders } from "../http2/hpack-encoder.ts";
import { OK_TRAILERS } from "../transport/response.ts";

/** Of the length in front of digits. */
const LENGTH_BYTES = 1;
const BATCH_FIELD = fieldName(BATCH_SIZE);
const QUEUE_FIELD = fieldName(QUEUE_US);

const known = new WeakMap<Parameters, Buffer>();

/** A whole header block, `grpc-status: 0` included; undefined for an answer that tells nothing. */
export function provenanceTrailers({
  parameters,
  batchRows,
  queueUs,
}: InferResponse): Buffer | undefined {
  if (parameters === undefined) return undefined;
  const shared = sharedBlock(parameters);
  if (batchRows === undefined && queueUs === undefined) return shared;
  const rows = batchRows === undefined ? "" : String(batchRows);
  const queue = queueUs === undefined ? "" : String(queueUs);
  const most = BATCH_FIELD.length + QUEUE_FIELD.length + 2 * LENGTH_BYTES;
  const block = Buffer.allocUnsafe(shared.length + most + rows.length + queue.length);
  block.set(shared);
  let at = shared.length;
  if (rows !== "") at = writeDigits(block, at, BATCH_FIELD, rows);
  if (queue !== "") at = writeDigits(block, at, QUEUE_FIELD, queue);
  return at === block.length ? block : block.subarray(0, at);
}

function sharedBlock(parameters: Parameters): Buffer {
  let block = known.get(parameters);
  if (block === undefined) {
    const trailers: Record<string, string> = {};
    for (const [key, { value }] of parameters) {
      const text = headerValue(value);
      if (text !== undefined) trailers[headerName(key)] = text;
    }
    block = encodeHeaders({ ...OK_TRAILERS, ...trailers });
    known.set(parameters, block);
  }
  return block;
}

/** Digits are fewer than 127, so that their length is one byte (RFC 7541 §5.2). */
function writeDigits(block: Buffer, offset: number, field: Buffer, digits: string): number {
  block.set(field, offset);
  let at = offset + field.length;
  block[at++] = digits.length;
  for (let i = 0; i < digits.length; i++) block[at++] = digits.charCodeAt(i);
  return at;
}

/** A literal field that is not to be indexed, up to its value. */
function fieldName(parameter: string): Buffer {
  const whole = encodeHeaders({ [headerName(parameter)]: "" });
  return whole.subarray(0, whole.length - LENGTH_BYTES);
}
