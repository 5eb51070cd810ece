/** A handler of a call with one request and one answer, from a function that gives the answer. */

import type { Caller } from "../../inference/caller.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";

/** The part of grpc-js' surface that such handlers use; our transport and grpc-js both offer it. */
export type UnaryHandler = (
  call: {
    readonly request: unknown;
    readonly connection?: ClientConnection;
    /** Absent: anybody. */
    readonly caller?: Caller | undefined;
  },
  callback: (error: unknown, response?: object) => void,
) => void;

/** By name of the RPC; what is missing is answered UNIMPLEMENTED by the transport. */
export type Implementation = { readonly [rpc: string]: UnaryHandler };

/** In the place of a connection where a server does not tell: as good as gone. */
const UNKNOWN_CONNECTION: ClientConnection = { gone: true, whenGone() {} };

/**
 * @param answer gets the request as proto-loader reads it, with every field
 * present, and who asks where somebody was asked; throws a StatusError where the call is to fail
 */
export function unary<Q>(
  answer: (
    request: Q,
    connection: ClientConnection,
    caller: Caller | undefined,
  ) => object | Promise<object>,
): UnaryHandler {
  return (call, callback) => {
    const { request, connection = UNKNOWN_CONNECTION, caller } = call;
    void answerTo(request as Q, connection, caller).then(
      (response) => callback(null, response),
      (error: unknown) => callback(error),
    );
  };

  async function answerTo(
    request: Q,
    connection: ClientConnection,
    caller: Caller | undefined,
  ): Promise<object> {
    return await answer(request, connection, caller);
  }
}
