/** ServerLive, ServerReady, ServerMetadata. */
import { serverMetadata } from "../../inference/server-metadata.ts";
import { type Implementation, unary } from "./unary.ts";

export interface ServerFacts {
  /** Version of this gateway. */
  readonly version: string;
  /** True while requests are accepted (and, with strict readiness, every model is ready). */
  ready(): boolean;
}

export function serverHandlers(facts: ServerFacts): Implementation {
  return {
    ServerLive: unary(() => ({ live: true })),
    ServerReady: unary(() => ({ ready: facts.ready() })),
    ServerMetadata: unary(() => serverMetadata(facts.version)),
  };
}
