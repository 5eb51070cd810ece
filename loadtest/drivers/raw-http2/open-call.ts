/** One call on its way, and what is said about it once it is over. */

export interface OpenCall {
  readonly startedAt: number;
  /** DATA bytes of the answer so far. */
  bytes: number;
  httpStatus: string;
  grpcStatus: string;
  grpcMessage: string;
  /** Bytes of the request's body already sent. */
  sent: number;
  /** How much more of the body the server takes. */
  windowBytes: number;
}

/** What was wrong with a call whose stream ended in order; undefined: nothing. */
export function errorOf(call: OpenCall): string | undefined {
  if (call.grpcStatus === "0") {
    return call.bytes > 0 ? undefined : "grpc-status 0 without a message";
  }
  if (call.grpcStatus !== "") return `grpc-status ${call.grpcStatus}: ${call.grpcMessage}`;
  return `no grpc-status (:status ${call.httpStatus})`;
}
