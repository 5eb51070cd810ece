/**
 * Responses of one stream, which mostly differ in their id and data only: what
 * they share is kept as bytes, from one response to the next.
 *
 *     0x12 length │ model, version │ id │ numbers of the batch │ parameters, outputs │ data of each output │
 *                 └──── kept ──────┘                           └────── kept ─────────┘
 */
import type { InferResponse, OutputTensor, Parameters } from "../../inference/request.ts";
import { PREFIX_BYTES } from "../transport/frame.ts";
import { encodeStreamResponse } from "./encode-response.ts";
import { responseNumbersSize, writeResponseNumbers } from "./response-parameters.ts";
import { bytesFieldSize, textFieldSize, writeFieldHead, writeTextField } from "./write.ts";

const FINAL_FLAG = "triton_final_response";
/** Parameters of a last answer. */
export const FINAL: Parameters = new Map([[FINAL_FLAG, { type: "bool", value: true }]]);
const NOT_FINAL: Parameters = new Map([[FINAL_FLAG, { type: "bool", value: false }]]);
const NO_DATA = new Uint8Array(0);
/** Of an output without data, behind the kept bytes. */
const EMPTY_FIELD_BYTES = 2;
/** Devices that share the requests of a stream each have parameters of their own. */
const MOST_KEPT = 8;
/** Longer responses gain nothing. */
const MOST_DATA_BYTES = 64 * 1024;

interface Kept {
  readonly response: InferResponse;
  readonly final: boolean;
  readonly head: Buffer;
  readonly tail: Buffer;
}

export class StreamResponseEncoder {
  readonly #kept: Kept[] = [];

  /**
   * @param headroom bytes left free in front, for the prefix of a gRPC message
   * @param final the last response to its request; goes as the parameter `triton_final_response`
   * @throws StatusError INVALID_ARGUMENT where the response is larger than gRPC can carry
   */
  encode(response: InferResponse, headroom: number, final: boolean): Buffer {
    const { outputs, id } = response;
    let dataBytes = 0;
    let special = false;
    for (const output of outputs) {
      dataBytes += bytesFieldSize(output.data.byteLength);
      special ||= output.parameters !== undefined;
    }
    if (special || dataBytes > MOST_DATA_BYTES) {
      return encodeStreamResponse(response, headroom, flag(final));
    }
    const { head, tail } = this.#keptFor(response, final);
    const common = head.length + responseNumbersSize(response) + tail.length;
    const inner = common + textFieldSize(id) + dataBytes;
    const message = Buffer.allocUnsafe(headroom + bytesFieldSize(inner));
    let at = writeFieldHead(message, headroom, 0x12, inner);
    message.set(head, at);
    at = writeTextField(message, at + head.length, 0x1a, id);
    at = writeResponseNumbers(message, at, response);
    message.set(tail, at);
    at += tail.length;
    for (const { data } of outputs) {
      at = writeFieldHead(message, at, 0x32, data.byteLength);
      message.set(data, at);
      at += data.byteLength;
    }
    return message;
  }

  /**
   * The responses to several requests with equally many rows each, whose outputs
   * lie one behind the other in `response`: whole gRPC messages, prefixes included.
   * @param ids of the requests, in order
   * @throws RangeError where the rows cannot be shared out
   */
  encodeParts(response: InferResponse, ids: readonly string[]): Buffer {
    const parts = ids.length;
    const first = firstPart(response, parts);
    const { head, tail: kept } = this.#keptFor(first, true);
    const tail = withNumbers(response, kept);
    let dataBytes = 0;
    for (const { data } of first.outputs) dataBytes += bytesFieldSize(data.byteLength);
    const common = head.length + tail.length + dataBytes;
    let size = 0;
    for (const id of ids) size += PREFIX_BYTES + bytesFieldSize(common + textFieldSize(id));
    const messages = Buffer.allocUnsafe(size);
    let at = 0;
    for (let part = 0; part < parts; part++) {
      const id = ids[part] ?? "";
      const inner = common + textFieldSize(id);
      messages[at] = 0;
      at = messages.writeUInt32BE(bytesFieldSize(inner), at + 1);
      at = writeFieldHead(messages, at, 0x12, inner);
      messages.set(head, at);
      at = writeTextField(messages, at + head.length, 0x1a, id);
      messages.set(tail, at);
      at += tail.length;
      for (const { data } of response.outputs) {
        const length = data.byteLength / parts;
        at = writeFieldHead(messages, at, 0x32, length);
        at = copyShort(data, part * length, length, messages, at);
      }
    }
    return messages;
  }

  #keptFor(response: InferResponse, final: boolean): Kept {
    for (const kept of this.#kept) if (isAlike(kept, response, final)) return kept;
    const kept = keep(response, final);
    this.#kept.unshift(kept);
    if (this.#kept.length > MOST_KEPT) this.#kept.pop();
    return kept;
  }
}

/** All messages of a bundle were in the same batch. */
function withNumbers(response: InferResponse, tail: Buffer): Buffer {
  const size = responseNumbersSize(response);
  if (size === 0) return tail;
  const both = Buffer.allocUnsafe(size + tail.length);
  writeResponseNumbers(both, 0, response);
  both.set(tail, size);
  return both;
}

/** Below, a loop is quicker than a view. */
const SHORT_BYTES = 96;

function copyShort(
  from: Uint8Array,
  start: number,
  length: number,
  to: Buffer,
  offset: number,
): number {
  if (length > SHORT_BYTES) to.set(from.subarray(start, start + length), offset);
  else for (let i = 0; i < length; i++) to[offset + i] = from[start + i] ?? 0;
  return offset + length;
}

function firstPart(response: InferResponse, parts: number): InferResponse {
  const outputs = response.outputs.map((output) => {
    const [rows = 0, ...others] = output.shape;
    const bytes = output.data.byteLength / parts;
    if (rows % parts !== 0 || !Number.isInteger(bytes)) {
      throw new RangeError(`output '${output.name}' has ${rows} rows for ${parts} requests`);
    }
    return { ...output, shape: [rows / parts, ...others], data: output.data.subarray(0, bytes) };
  });
  return { ...response, id: "", outputs };
}

/** Parameters are not compared but recognised: those that come often are the same object. */
function isAlike(kept: Kept, response: InferResponse, final: boolean): boolean {
  const { model, version, outputs, parameters } = kept.response;
  if (parameters !== response.parameters) return false;
  if (kept.final !== final || outputs.length !== response.outputs.length) return false;
  if (model !== response.model || version !== response.version) return false;
  for (let i = 0; i < outputs.length; i++) {
    const a = outputs[i];
    const b = response.outputs[i];
    if (a === undefined || b === undefined || !isSameHeader(a, b)) return false;
  }
  return true;
}

function isSameHeader(a: OutputTensor, b: OutputTensor): boolean {
  if (a.name !== b.name || a.datatype !== b.datatype) return false;
  if (a.shape.length !== b.shape.length) return false;
  for (let axis = 0; axis < a.shape.length; axis++) {
    if (a.shape[axis] !== b.shape[axis]) return false;
  }
  return true;
}

const flag = (final: boolean): Parameters => (final ? FINAL : NOT_FINAL);

/** Cuts the kept bytes out of the same response without an id and without data. */
function keep(response: InferResponse, final: boolean): Kept {
  const { model, version, parameters } = response;
  const outputs = response.outputs.map((output) => ({ ...output, data: NO_DATA }));
  const bare = { model, version, id: "", outputs, parameters };
  const message = encodeStreamResponse(bare, 0, flag(final));
  let start = 1;
  while ((message[start] ?? 0) >= 0x80) start += 1;
  start += 1;
  const middle = start + textFieldSize(model) + textFieldSize(version);
  const end = message.length - EMPTY_FIELD_BYTES * outputs.length;
  const head = message.subarray(start, middle);
  return { response: bare, final, head, tail: message.subarray(middle, end) };
}
