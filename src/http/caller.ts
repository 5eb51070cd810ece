/** Who asks, on the request itself: found out before its body is read (`authorize.ts`). */
import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import type { Caller } from "../inference/caller.ts";

const CALLER = Symbol("caller");

interface Known {
  [CALLER]?: Caller;
}

export function know(request: IncomingMessage, caller: Caller): void {
  (request as Known)[CALLER] = caller;
}

/** undefined: nobody was asked. */
export function callerOf(request: IncomingMessage): Caller | undefined {
  return (request as Known)[CALLER];
}

export function callerOfRequest({ raw }: FastifyRequest): Caller | undefined {
  return callerOf(raw);
}
