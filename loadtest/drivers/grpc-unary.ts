/** ModelInfer calls: a message each, many at once on every connection. */
import { decodeInferResponse } from "../../src/grpc/codec/decode-response.ts";
import { encodeInferRequest } from "../../src/grpc/codec/encode-request.ts";
import { onePiece } from "../../src/inference/pieces.ts";
import type { Answer, ClientRequest, Driver, DriverEvents, DriverOptions } from "./driver.ts";
import { Lanes } from "./lanes.ts";
import { RawConnection } from "./raw-http2/connection.ts";
import { RequestBody } from "./raw-http2/request-template.ts";

export const INFER_PATH = "/inference.GRPCInferenceService/ModelInfer";

export interface PreparedCall {
  readonly bytes: number;
  readonly body: RequestBody;
}

export class GrpcUnaryDriver implements Driver<PreparedCall> {
  readonly #lanes: Lanes<UnaryLane>;

  constructor(options: DriverOptions, events: DriverEvents) {
    const { host, port } = options.address;
    const callEvents = answersOf(events);
    this.#lanes = new Lanes(
      options.identities.length,
      options.connections,
      async (identity, ended) => {
        const headers = options.identities[identity] ?? [];
        const head = { authority: `${host}:${port}`, path: INFER_PATH, headers };
        const connection = await RawConnection.open(
          { address: options.address, head, keepMessages: options.keepAnswers },
          { ...callEvents, ended },
        );
        return new UnaryLane(connection, options.perConnection);
      },
      events.room,
    );
  }

  open(): Promise<void> {
    return this.#lanes.open();
  }

  prepare(request: ClientRequest): PreparedCall {
    const message = encodeInferRequest(request, 0);
    return { bytes: message.length, body: new RequestBody(message) };
  }

  send(prepared: PreparedCall, token: number, identity: number): boolean {
    const lane = this.#lanes.take(identity);
    lane?.connection.send(prepared.body, token);
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

/** What the raw connections tell, in the driver's words. */
export function answersOf(events: DriverEvents) {
  return {
    answered(
      token: number,
      bytes: number,
      error: string | undefined,
      message: Buffer | undefined,
    ): void {
      events.answered(token, bytes, error, message === undefined ? undefined : { bytes: message });
    },
  };
}

class UnaryLane {
  readonly connection: RawConnection;
  readonly #most: number;

  constructor(connection: RawConnection, most: number) {
    this.connection = connection;
    this.#most = most;
  }

  get open(): number {
    return this.connection.open;
  }

  /** The server may change its mind while the connection lives. */
  get limit(): number {
    return Math.min(this.#most, this.connection.maxStreams);
  }

  get usable(): boolean {
    return this.connection.usable;
  }

  flush(): void {
    this.connection.flush();
  }

  close(): void {
    this.connection.close();
  }
}
