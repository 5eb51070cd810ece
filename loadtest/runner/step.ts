/** One measurement: what was sent, and what came of it. */
import type { Point } from "../report/schema.ts";
import type { GeneratorOver } from "./generator/order.ts";
import type { PooledRequest } from "./plan.ts";

export interface Requests {
  readonly pool: readonly PooledRequest[];
  /** When each request is due, ns after the start, in order; absent: nothing has a time of its own. */
  readonly ns?: Float64Array;
  /** Which of the pool each request is; absent: in turn. */
  readonly keys?: Uint32Array;
}

export interface Step {
  readonly point: Point;
  readonly requests: Requests;
  readonly overs: readonly GeneratorOver[];
}
