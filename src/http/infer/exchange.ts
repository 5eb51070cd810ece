/**
 * One infer request from its headers to its answer, on Node's own request and response: the hot
 * path goes past Fastify's body parsing and serialization.
 */
import { StatusError, toStatusError } from "../../errors.ts";
import type { InferResponse, ModelSignature, Pieces } from "../../inference/request.ts";
import {
  deflateBody,
  type Encoding,
  inflateBody,
  requestEncoding,
  responseEncoding,
} from "../compression.ts";
import { LOAD, loadHeader } from "./endpoint-load.ts";
import { readHeaderLength, requireWithin } from "./header-length.ts";
import { HttpCall } from "./http-call.ts";
import { jsonTooLong, rawTooLong } from "./limits.ts";
import { ALL_JSON, type OutputForms } from "./output-form.ts";
import { readInferBody, requireOneAnswer, secondAnswer } from "./read-body.ts";
import { ORIGIN, originHeader } from "./response-parameters.ts";
import { type WholeResponse, wholeInferResponse } from "./write-response.ts";

/** Bodies of raw tensors are bounded by this and by the budget only, as in Triton. */
const LARGEST_BODY = 2 ** 31 - 1;
const HEADER_LENGTH = "inference-header-content-length";

export class InferExchange extends HttpCall {
  #outputs: OutputForms = ALL_JSON;

  protected receive(): void {
    const { headers } = this.request;
    const signature = this.room.signature(this.target.model, this.target.version);
    requireOneAnswer(signature);
    const encoding = this.#requestEncoding();
    const headerLengthText = headers[HEADER_LENGTH]?.toString();
    const headerLength = readHeaderLength(headerLengthText);
    const limits = this.#limits(headerLength, encoding);
    const body = this.receiver(limits);
    const accept = (whole: Pieces) =>
      this.attempt(() => {
        if (headerLength !== undefined) {
          requireWithin(headerLength, whole.byteLength, headerLengthText ?? "");
        }
        this.#infer(whole, headerLength ?? whole.byteLength, signature);
      });
    body.receive(this.contentLength, (received) => {
      if (received instanceof StatusError) this.fail(received);
      else if (encoding === undefined) accept(received);
      else {
        const inflation = {
          maxBytes: this.room.maxInputBytes,
          reserve: (bytes: number) => body.reserve(bytes),
        };
        inflateBody(received, encoding, inflation, (inflated) => {
          if (this.cancelled || this.answered) body.release();
          else if (inflated instanceof StatusError) this.fail(inflated);
          else accept(inflated);
        });
      }
    });
  }

  #requestEncoding(): Encoding | undefined {
    try {
      return requestEncoding(this.request.headers["content-encoding"]);
    } catch (thrown) {
      this.response.setHeader("Accept-Encoding", "gzip, deflate");
      throw thrown;
    }
  }

  /** @throws StatusError where the lengths that were told are too much already */
  #limits(headerLength: number | undefined, encoding: Encoding | undefined) {
    const { maxInputBytes } = this.room;
    if (headerLength !== undefined && headerLength > maxInputBytes) {
      throw jsonTooLong(headerLength, maxInputBytes);
    }
    const mixed = headerLength !== undefined && headerLength > 0 && encoding === undefined;
    return {
      maxBytes: mixed ? LARGEST_BODY : maxInputBytes,
      tooLong: (bytes: number) =>
        headerLength === 0 ? rawTooLong(bytes, maxInputBytes) : jsonTooLong(bytes, maxInputBytes),
    };
  }

  #infer(body: Pieces, jsonBytes: number, signature: ModelSignature): void {
    this.timeline.received = this.room.now();
    const { model, version } = this.target;
    const { maxInputBytes } = this.room;
    const read = readInferBody(body, jsonBytes, signature, { model, version, maxInputBytes });
    this.#outputs = read.outputs;
    this.room.infer(read.wire, this);
  }

  respond(response: InferResponse, final: boolean): void {
    if (!final) {
      this.fail(secondAnswer());
      return;
    }
    let written: WholeResponse;
    try {
      written = wholeInferResponse(response, this.#outputs);
    } catch (thrown) {
      this.fail(toStatusError(thrown));
      return;
    }
    if (!this.end()) return;
    const more = this.#more(response);
    const accepted = this.request.headers["accept-encoding"];
    const encoding = accepted === undefined ? undefined : responseEncoding(accepted);
    const { body, jsonBytes } = written;
    if (encoding === undefined) {
      this.#send(body, jsonBytes, undefined, more);
      return;
    }
    deflateBody(body, encoding, (compressed) => {
      if (compressed instanceof Error) this.#send(body, jsonBytes, undefined, more);
      else this.#send(compressed, jsonBytes, encoding, more);
    });
  }

  /** Names and values of headers that tell of the answer. */
  #more(response: InferResponse): string[] {
    const origin = originHeader(response);
    const load = loadHeader(this.request.headers, response, this.room.load);
    return [
      ...(origin === undefined ? [] : [ORIGIN, origin]),
      ...(load === undefined ? [] : [LOAD, load]),
    ];
  }

  #send(
    body: Buffer,
    jsonBytes: number | undefined,
    encoding: Encoding | undefined,
    more: readonly string[],
  ): void {
    const headers = [
      "Content-Type",
      jsonBytes === undefined ? "application/json" : "application/octet-stream",
    ];
    if (jsonBytes !== undefined) headers.push("Inference-Header-Content-Length", String(jsonBytes));
    if (encoding !== undefined) headers.push("Content-Encoding", encoding);
    headers.push(...more, "Content-Length", String(body.length));
    if (this.room.closing()) headers.push("Connection", "close");
    this.response.writeHead(200, headers);
    this.response.end(body);
  }
}
