/** One generate request: its only response as JSON, or every response as a server-sent event. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { StatusError, toStatusError } from "../../errors.ts";
import { joinPieces } from "../../inference/pieces.ts";
import type { InferResponse } from "../../inference/request.ts";
import { LOAD, loadHeader } from "../infer/endpoint-load.ts";
import { HttpCall, type InferRoom, type InferTarget } from "../infer/http-call.ts";
import { jsonTooLong } from "../infer/limits.ts";
import { parseJson } from "../parse-json.ts";
import { errorStatus } from "../status.ts";
import { readGenerateRequest } from "./read-request.ts";
import { writeGenerateResponse } from "./write-response.ts";

/** Events that a client has not taken; one that lets more pile up is cut off. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;

export class GenerateExchange extends HttpCall {
  /** A decoupled model may answer any number of times; what that means is decided here. */
  readonly manyResponses = true;
  readonly #streaming: boolean;
  /** The request was accepted: from now on an error is an event, too. */
  #accepted = false;
  #responses = 0;
  /** Of a request that takes one response: the first. */
  #first = "";
  /** Header of the newest response. */
  #load: string | undefined = undefined;

  constructor(
    room: InferRoom,
    request: IncomingMessage,
    response: ServerResponse,
    target: InferTarget,
    streaming: boolean,
  ) {
    super(room, request, response, target);
    this.#streaming = streaming;
  }

  protected receive(): void {
    const { maxInputBytes } = this.room;
    const signature = this.room.signature(this.target.model, this.target.version);
    const encoding = this.request.headers["content-encoding"] ?? "";
    if (encoding !== "" && encoding !== "identity") {
      const text = "Unsupported content-encoding, only 'identity' is supported.";
      throw new StatusError("INVALID_ARGUMENT", text);
    }
    const limits = {
      maxBytes: maxInputBytes,
      tooLong: (bytes: number) => jsonTooLong(bytes, maxInputBytes),
    };
    this.receiver(limits).receive(this.contentLength, (body) =>
      this.attempt(() => {
        if (body instanceof StatusError) throw body;
        this.timeline.received = this.room.now();
        const json = parseJson(joinPieces(body));
        const wire = readGenerateRequest(json, signature, this.target.version, maxInputBytes);
        this.room.infer(wire, this);
        this.#accepted = true;
      }),
    );
  }

  respond(response: InferResponse, final: boolean): void {
    if (this.answered || this.cancelled) return;
    // The last word of a decoupled model says nothing but that it was the last.
    const empty = final && response.outputs.length === 0;
    if (!empty) {
      let text: string;
      try {
        text = writeGenerateResponse(response);
      } catch (thrown) {
        this.fail(toStatusError(thrown));
        return;
      }
      if (this.#streaming) this.#event(text, 200);
      else if (this.#responses === 0) this.#first = text;
      this.#responses++;
    }
    this.#load = loadHeader(this.request.headers, response, this.room.load);
    if (final) this.#finish();
  }

  override fail(error: StatusError): void {
    if (!this.#streaming || !this.#accepted) {
      super.fail(error);
      return;
    }
    if (this.answered || this.cancelled) return;
    const body = Buffer.from(JSON.stringify({ error: error.message }), "utf8");
    this.#event(body.toString("latin1"), errorStatus(error));
    if (this.end()) this.response.end();
  }

  #finish(): void {
    if (!this.#streaming && this.#responses !== 1) {
      super.fail(notOneResponse());
      return;
    }
    if (!this.end()) return;
    if (this.#streaming) {
      this.#begin(200);
      this.response.end();
      return;
    }
    const body = Buffer.from(this.#first, "latin1");
    this.response.writeHead(200, [
      ...["Content-Type", "application/json"],
      ...["Content-Length", String(body.length)],
      ...(this.#load === undefined ? [] : [LOAD, this.#load]),
      ...(this.room.closing() ? ["Connection", "close"] : []),
    ]);
    this.response.end(body);
  }

  #event(json: string, status: number): void {
    this.#begin(status);
    this.response.write(`data: ${json}\n\n`, "latin1");
    if (this.response.writableLength > MAX_PENDING_BYTES) this.request.socket.destroy();
  }

  /** The status is that of the first response. */
  #begin(status: number): void {
    if (this.response.headersSent) return;
    this.response.writeHead(status, [
      ...["Content-Type", "text/event-stream; charset=utf-8"],
      ...(this.room.closing() ? ["Connection", "close"] : []),
    ]);
  }
}

const notOneResponse = () =>
  new StatusError(
    "INTERNAL",
    "generate expects model to produce exactly 1 response, use generate stream for model that generates various number of responses",
  );
