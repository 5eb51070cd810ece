/**
 * Responses of one stream, which mostly differ in their id and data only: what
 * they share is kept as bytes, from one response to the next.
 *
 *     0x12 length │ model, version │ id │ parameters, outputs │ data of each output │
 *                 └──── kept ──────┘    └────── kept ─────────┘
 */
import type { InferResponse, OutputTensor, Parameters } from "../../inference/request.ts";
import { encodeStreamResponse } from "./encode-response.ts";
import { bytesFieldSize, textFieldSize, writeFieldHead, writeTextField } from "./write.ts";

const FINAL_FLAG = "triton_final_response";
/** Parameters of a last answer. */
export const FINAL: Parameters = new Map([[FINAL_FLAG, { type: "bool", value: true }]]);
const NOT_FINAL: Parameters = new Map([[FINAL_FLAG, { type: "bool", value: false }]]);
const NO_DATA = new Uint8Array(0);
/** Of an output without data, behind the kept bytes. */
const EMPTY_FIELD_BYTES = 2;
/** Longer responses gain nothing. */
const MOST_DATA_BYTES = 64 * 1024;

interface Kept {
  readonly response: InferResponse;
  readonly final: boolean;
  readonly head: Buffer;
  readonly tail: Buffer;
}

export class StreamResponseEncoder {
  #kept: Kept | undefined;

  /**
   * @param headroom bytes left free in front, for the prefix of a gRPC message
   * @param final the last response to its request; goes as the parameter `triton_final_response`
   * @throws StatusError INVALID_ARGUMENT where the response is larger than gRPC can carry
   */
  encode(response: InferResponse, headroom: number, final: boolean): Buffer {
    const { parameters, outputs, id } = response;
    const flag = final ? FINAL : NOT_FINAL;
    let dataBytes = 0;
    let special = parameters !== undefined;
    for (const output of outputs) {
      dataBytes += bytesFieldSize(output.data.byteLength);
      special ||= output.parameters !== undefined;
    }
    if (special || dataBytes > MOST_DATA_BYTES) {
      const all = parameters === undefined ? flag : new Map([...parameters, ...flag]);
      return encodeStreamResponse(response, headroom, all);
    }
    if (this.#kept === undefined || !isAlike(this.#kept, response, final)) {
      this.#kept = keep(response, flag, final);
    }
    const { head, tail } = this.#kept;
    const inner = head.length + textFieldSize(id) + tail.length + dataBytes;
    const message = Buffer.allocUnsafe(headroom + bytesFieldSize(inner));
    let at = writeFieldHead(message, headroom, 0x12, inner);
    message.set(head, at);
    at = writeTextField(message, at + head.length, 0x1a, id);
    message.set(tail, at);
    at += tail.length;
    for (const { data } of outputs) {
      at = writeFieldHead(message, at, 0x32, data.byteLength);
      message.set(data, at);
      at += data.byteLength;
    }
    return message;
  }
}

function isAlike(kept: Kept, response: InferResponse, final: boolean): boolean {
  const { model, version, outputs } = kept.response;
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

/** Cuts the kept bytes out of the same response without an id and without data. */
function keep(response: InferResponse, flag: Parameters, final: boolean): Kept {
  const { model, version } = response;
  const outputs = response.outputs.map((output) => ({ ...output, data: NO_DATA }));
  const bare = { model, version, id: "", outputs };
  const message = encodeStreamResponse(bare, 0, flag);
  let start = 1;
  while ((message[start] ?? 0) >= 0x80) start += 1;
  start += 1;
  const middle = start + textFieldSize(model) + textFieldSize(version);
  const end = message.length - EMPTY_FIELD_BYTES * outputs.length;
  const head = message.subarray(start, middle);
  return { response: bare, final, head, tail: message.subarray(middle, end) };
}
