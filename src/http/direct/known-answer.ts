/**
 * An answer that differs from the one before it in a few numbers and its raw bytes alone: it is put together
 * from bytes, at a third of what it takes to make a string and to copy that.
 */
import { digitsOf, writeDigits } from "../../inference/digits.ts";
import type { InferResponse, Parameters } from "../../inference/request.ts";
import type { OutputForms } from "../infer/output-form.ts";
import { originHeader } from "../infer/response-parameters.ts";
import { framedJson, frameOf } from "../infer/write-response.ts";
import { headOf } from "./write-answer.ts";

/** Stands where a number is to stand; neither headers nor JSON have it anywhere. */
const MARK = "\0";

/** What is the same in all of them. */
export class AnswerForm {
  /** Between: bytes of the JSON, rows, µs, bytes of the body, the last headers. */
  readonly #head: readonly Buffer[];
  /** Between: rows, µs. */
  readonly #json: readonly Buffer[];
  readonly #headBytes: number;
  readonly #jsonBytes: number;

  /** @param response with raw outputs and none in the JSON */
  constructor(response: InferResponse, parameters: Parameters, wanted: OutputForms) {
    const told = { parameters, batchRows: MARK, queueUs: MARK };
    const origin = originHeader(told);
    const head = headOf({ jsonBytes: MARK, origin, load: undefined, bodyBytes: MARK, tail: MARK });
    this.#head = segmentsOf(head);
    this.#json = segmentsOf(framedJson(told, frameOf(response, wanted)));
    this.#headBytes = bytesOf(this.#head);
    this.#jsonBytes = bytesOf(this.#json);
  }

  /** @param tail the last headers */
  byteLength({ batchRows, queueUs, raw }: KnownAnswer, tail: Buffer): number {
    const json = this.#jsonLength(batchRows, queueUs);
    const numbers =
      digitsOf(json) + digitsOf(batchRows) + digitsOf(queueUs) + digitsOf(json + raw.length);
    return this.#headBytes + numbers + tail.length + json + raw.length;
  }

  /** @returns where it ends */
  copyTo(target: Buffer, start: number, { batchRows, queueUs, raw }: KnownAnswer, tail: Buffer) {
    const json = this.#jsonLength(batchRows, queueUs);
    const [status, origin, queue, length, line, end] = this.#head;
    const [before, between, behind] = this.#json;
    let at = put(target, start, status);
    at = writeDigits(target, at, json);
    at = writeDigits(target, put(target, at, origin), batchRows);
    at = writeDigits(target, put(target, at, queue), queueUs);
    at = writeDigits(target, put(target, at, length), json + raw.length);
    at = put(target, put(target, put(target, at, line), tail), end);
    at = writeDigits(target, put(target, at, before), batchRows);
    at = writeDigits(target, put(target, at, between), queueUs);
    return put(target, put(target, at, behind), raw);
  }

  #jsonLength(batchRows: number, queueUs: number): number {
    return this.#jsonBytes + digitsOf(batchRows) + digitsOf(queueUs);
  }
}

export interface KnownAnswer {
  readonly form: AnswerForm;
  readonly batchRows: number;
  readonly queueUs: number;
  readonly raw: Buffer;
}

function segmentsOf(text: string): readonly Buffer[] {
  return text.split(MARK).map((segment) => Buffer.from(segment, "latin1"));
}

function bytesOf(segments: readonly Buffer[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}

function put(target: Buffer, at: number, segment: Buffer | undefined): number {
  if (segment === undefined) return at;
  target.set(segment, at);
  return at + segment.length;
}
