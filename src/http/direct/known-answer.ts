/**
 * An answer that differs from the one before it in a few numbers and its raw bytes alone: it is put together
 * from bytes, at a third of what it takes to make a string and to copy that.
 */
import type { InferResponse, Parameters } from "../../inference/request.ts";
import type { OutputForms } from "../infer/output-form.ts";
import { originHeader } from "../infer/response-parameters.ts";
import { framedJson, frameOf } from "../infer/write-response.ts";
import { headOf } from "./write-answer.ts";

/** Stands where a number is to stand; neither headers nor JSON have it anywhere. */
const MARK = "\0";
const ZERO = 48;

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
    const numbers = digits(json) + digits(batchRows) + digits(queueUs) + digits(json + raw.length);
    return this.#headBytes + numbers + tail.length + json + raw.length;
  }

  /** @returns where it ends */
  copyTo(target: Buffer, start: number, { batchRows, queueUs, raw }: KnownAnswer, tail: Buffer) {
    const json = this.#jsonLength(batchRows, queueUs);
    const [status, origin, queue, length, line, end] = this.#head;
    const [before, between, behind] = this.#json;
    let at = put(target, start, status);
    at = putNumber(target, at, json);
    at = putNumber(target, put(target, at, origin), batchRows);
    at = putNumber(target, put(target, at, queue), queueUs);
    at = putNumber(target, put(target, at, length), json + raw.length);
    at = put(target, put(target, put(target, at, line), tail), end);
    at = putNumber(target, put(target, at, before), batchRows);
    at = putNumber(target, put(target, at, between), queueUs);
    return put(target, put(target, at, behind), raw);
  }

  #jsonLength(batchRows: number, queueUs: number): number {
    return this.#jsonBytes + digits(batchRows) + digits(queueUs);
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

/** @param value an integer, not negative */
function putNumber(target: Buffer, at: number, value: number): number {
  const end = at + digits(value);
  let left = value;
  for (let place = end - 1; place >= at; place -= 1) {
    const tenth = Math.floor(left / 10);
    target[place] = ZERO + left - 10 * tenth;
    left = tenth;
  }
  return end;
}

function digits(value: number): number {
  let count = 1;
  for (let limit = 10; value >= limit; limit *= 10) count += 1;
  return count;
}
