/** ModelStreamInfer: one stream a connection, many messages in flight on it. */
import { decodeInferResponse } from "../../src/grpc/codec/decode-response.ts";
import { encodeInferRequest } from "../../src/grpc/codec/encode-request.ts";
import { textBytes, textFieldSize } from "../../src/grpc/codec/write.ts";
import { onePiece } from "../../src/inference/pieces.ts";
import type { Answer, ClientRequest, Driver, DriverEvents, DriverOptions } from "./driver.ts";
import { answersOf } from "./grpc-unary.ts";
import { Lanes } from "./lanes.ts";
import { Http2Client } from "./raw-http2/http2-client.ts";
import { ID_DIGITS, MessageStream, type StreamMessage } from "./raw-http2/message-stream.ts";
import { framedMessage, headFrames } from "./raw-http2/request-template.ts";

export const STREAM_PATH = "/inference.GRPCInferenceService/ModelStreamInfer";
/** gRPC's prefix, then tag and length of the id. */
const BEFORE_ID_BYTES = 5 + 2;
/** Messages in flight on a stream where nothing else is said: with more, memory of the server is what is measured. */
const DEFAULT_WINDOW = 1024;

export interface PreparedMessage extends StreamMessage {
  readonly bytes: number;
}

export class GrpcStreamDriver implements Driver<PreparedMessage> {
  readonly #lanes: Lanes<StreamLane>;

  constructor(options: DriverOptions, events: DriverEvents) {
    const { address } = options;
    const window = Math.min(options.perConnection, DEFAULT_WINDOW);
    const callEvents = answersOf(events);
    this.#lanes = new Lanes(
      options.identities.length,
      options.connections,
      async (identity, ended) => {
        let lane: StreamLane | undefined;
        const client = await Http2Client.open(address, {
          ended,
          read: () => lane?.flush(),
        });
        const head = headFrames(
          {
            authority: `${address.host}:${address.port}`,
            path: STREAM_PATH,
            headers: options.identities[identity] ?? [],
          },
          client.peer.headerTableBytes,
          address.tls === undefined ? "http" : "https",
        );
        const stream = new MessageStream(client, callEvents, head.first, options.keepAnswers);
        lane = new StreamLane(client, stream, window);
        return lane;
      },
      events.room,
    );
  }

  open(): Promise<void> {
    return this.#lanes.open();
  }

  prepare(request: ClientRequest): PreparedMessage {
    const message = encodeInferRequest({ ...request, id: "0".repeat(ID_DIGITS) }, 0);
    const before = textFieldSize(request.model) + textFieldSize(request.version);
    if (textBytes(request.model) === 0) throw new RangeError("a request without a model");
    return {
      bytes: message.length,
      framed: framedMessage(message),
      idAt: BEFORE_ID_BYTES + before,
    };
  }

  send(prepared: PreparedMessage, token: number, identity: number): boolean {
    const lane = this.#lanes.take(identity);
    lane?.stream.send(prepared, token);
    return lane !== undefined;
  }

  flush(): void {
    this.#lanes.flush();
  }

  read(answer: Answer) {
    return decodeInferResponse(onePiece(answer.bytes));
  }

  get reconnects(): number {
    return this.#lanes.reconnects;
  }

  close(): void {
    this.#lanes.close();
  }
}

class StreamLane {
  readonly stream: MessageStream;
  readonly limit: number;
  readonly #client: Http2Client;

  constructor(client: Http2Client, stream: MessageStream, limit: number) {
    this.#client = client;
    this.stream = stream;
    this.limit = limit;
  }

  get open(): number {
    return this.stream.open;
  }

  get usable(): boolean {
    return this.stream.usable;
  }

  flush(): void {
    this.stream.flush();
  }

  close(): void {
    this.#client.close();
  }
}
