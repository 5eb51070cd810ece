/** A handler of a call with one request and one answer, from a function that gives the answer. */

import type { ClientConnection } from "../../inference/shared-regions.ts";

/** The part of grpc-js' surface that such handlers use; our transport and grpc-js both offer it. */
export type UnaryHandler = (
  call: { readonly request: unknown; readonly connection?: ClientConnection },
  callback: (error: unknown, response?: object) => void,
) => void;

/** By name of the RPC; what is missing is answered UNIMPLEMENTED by the transport. */
export type Implementation = { readonly [rpc: string]: UnaryHandler };

/** In the place of a connection where a server does not tell: as good as gone. */
const UNKNOWN_CONNECTION: ClientConnection = { gone: true, whenGone() {} };

/**
 * @param answer gets the request as proto-loader reads it, with every field
 * present; throws a StatusError where the call is to fail
 */
export function unary<Q>(
  answer: (request: Q, connection: ClientConnection) => object | Promise<object>,
): UnaryHandler {
  return (call, callback) => {
    void answerTo(call.request as Q, call.connection ?? UNKNOWN_CONNECTION).then(
      (response) => callback(null, response),
      (error: unknown) => callback(error),
    );
  };

  async function answerTo(request: Q, connection: ClientConnection): Promise<object> {
    return await answer(request, connection);
  }
}
