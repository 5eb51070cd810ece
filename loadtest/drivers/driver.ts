/**
 * What a driver is to the rest of the load test: requests go out, answers come
 * back as callbacks (a promise a request would cost as much as the request).
 */
import type { DecodedResponse } from "../../src/grpc/codec/decode-response.ts";
import type { WireRequest } from "../../src/inference/request.ts";
import type { Header } from "./raw-http2/hpack.ts";
import type { Address } from "./raw-http2/open-socket.ts";

export const DRIVERS = ["grpc", "grpc-stream", "http"] as const;
export type DriverName = (typeof DRIVERS)[number];

/** A request as it is asked for: what `encodeInferRequest` takes. */
export type ClientRequest = Omit<WireRequest, "dataError">;

/** A request as finished bytes; only the driver that made it can send it. */
export interface Prepared {
  /** Bytes of the message, without what the transport adds. */
  readonly bytes: number;
}

export interface DriverOptions {
  readonly address: Address;
  /** Connections of each identity. */
  readonly connections: number;
  /** Headers of each experiment that asks: one entry each, at least one. */
  readonly identities: readonly (readonly Header[])[];
  /** Most requests in flight on one connection; Infinity: as many as the server allows. */
  readonly perConnection: number;
  /** Whether answers are looked into; else they are only counted. */
  readonly keepAnswers: boolean;
}

export interface DriverEvents {
  /**
   * Called once for each request that was sent.
   * @param token as given to `send`
   * @param bytes of the answer
   * @param error undefined where the call went as it should, else the server's or the network's words
   * @param answer for `read`; undefined where answers are not kept
   */
  answered(
    token: number,
    bytes: number,
    error: string | undefined,
    answer: Answer | undefined,
  ): void;
  /** A connection is there again: what `send` refused may be sent now. */
  room(): void;
}

/** An answer that nobody has looked into yet. */
export interface Answer {
  readonly bytes: Uint8Array;
  /** HTTP: how many bytes of JSON stand before the tensors. */
  readonly headerBytes?: number;
}

export interface Driver<P extends Prepared = Prepared> {
  /** Resolves when every connection is open. @throws Error where the first ones cannot be opened */
  open(): Promise<void>;
  prepare(request: ClientRequest): P;
  /** @param identity position in `identities`. @returns false where no connection takes it now */
  send(prepared: P, token: number, identity: number): boolean;
  /** What was sent leaves now at the latest. */
  flush(): void;
  /** @throws StatusError where the answer is none */
  read(answer: Answer): DecodedResponse;
  /** Connections opened beyond the first ones, after the server or the network ended some. */
  readonly reconnects: number;
  close(): void;
}
