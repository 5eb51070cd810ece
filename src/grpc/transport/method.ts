/** A method of a service as `@grpc/proto-loader` and grpc-js describe it. */
import type { EventEmitter } from "node:events";
import type { Metadata } from "@grpc/grpc-js";

export interface MethodDefinition {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
  readonly originalName?: string | undefined;
}

export type ServiceDefinition = Readonly<Record<string, MethodDefinition>>;

/** What a handler gives as its error: a `StatusError`, or grpc-js' form. */
export type ServiceError =
  | Error
  | { readonly code: number; readonly details?: string; readonly metadata?: Metadata };

export type SendUnary = (
  error: ServiceError | null,
  value?: unknown,
  trailer?: Metadata,
  /** Flags of grpc-js; ignored. */
  flags?: number,
) => void;

/** What every handler gets, whatever the kind of its method. */
export interface AnyCall extends EventEmitter {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getPath(): string;
  getPeer(): string;
  /** A date, or Infinity for a call without a deadline. */
  getDeadline(): Date | number;
  /** `Clock.now` ms; Infinity for none. */
  readonly deadline: number;
  sendMetadata(metadata: Metadata): void;
}

export interface UnaryCall extends AnyCall {
  readonly request: unknown;
}

/**
 * Events: `data` (message), `end` (the client half-closed), `drain`, `cancelled`
 * (client gone or deadline passed, before the end), `close` (last of all, always),
 * and `shutdown` once when the server begins to drain: a call that would wait for
 * more requests should answer what it has and end. Messages are held back until
 * somebody listens to `data`, and while paused. Emitting `error` ends the call.
 */
export interface StreamingCall extends AnyCall {
  /** The message of a method that takes one and answers with a stream. */
  readonly request: unknown;
  /** @returns false: wait for `drain` before writing more. */
  write(value: unknown): boolean;
  end(trailer?: Metadata): void;
  pause(): this;
  resume(): this;
  destroy(error?: Error): this;
}

export type UnaryHandler = (call: UnaryCall, respond: SendUnary) => unknown;
export type ClientStreamHandler = (call: StreamingCall, respond: SendUnary) => unknown;
export type StreamHandler = (call: StreamingCall) => unknown;

// biome-ignore lint/suspicious/noExplicitAny: handlers of generated services have types of their own
export type ServiceImplementation = Readonly<Record<string, any>>;
