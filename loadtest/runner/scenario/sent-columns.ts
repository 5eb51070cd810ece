/** What was sent, by number, for whoever looks at the answers. */
import type { Intended, LhcTime, Payload, TriggerModel } from "../../types.ts";

export interface SentColumns {
  readonly intended: readonly Intended[];
  /** Which of the pool each request is. */
  readonly keys: Uint32Array;
  readonly pool: readonly Payload[];
  /** With the slots of the rate that was really run. */
  readonly lhc: LhcTime | undefined;
}

/** What decides on the answers. */
export interface Decision {
  readonly threshold: number;
  readonly prescale: number;
  /** A fresh one each call. @param slotMs of the run */
  make(slotMs?: number): TriggerModel;
}
