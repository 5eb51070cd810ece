/** Traces across requests that cause other requests. */
import type { TraceContext } from "./request.ts";

/** For the call of a step: undefined where the whole is not traced. */
export function childContext(trace: TraceContext | undefined): TraceContext | undefined {
  return trace?.child();
}
