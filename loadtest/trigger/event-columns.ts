/**
 * From requests and answers to events. A request may hold a crossing, an event of
 * several rows (jets), or all crossings of an orbit; a trigger sees events in the
 * order of their crossings.
 */
import { SLOT_MS } from "../arrivals/lhc/clock.ts";
import type { Intended, LhcTime, Payload, TriggerEvents } from "../types.ts";

export interface Answered {
  readonly intended: Intended;
  readonly payload: Payload;
  /** From the intended time to the answer; Infinity: there was none, or it failed. */
  readonly latencyMs: number;
  /** One a row of the payload; undefined where there was no good answer. */
  readonly scores: Float32Array | undefined;
}

export interface EventColumns extends TriggerEvents {
  /** Of the row with the largest; NaN where nothing is known. */
  readonly truth: Float64Array;
  /** 1 where a row of the event is signal. */
  readonly signal: Uint8Array;
  /** Which of the requests it was in, counted from 0. */
  readonly answered: Uint32Array;
  /** Axis of `truth`, undefined where payloads know no truth. */
  readonly variable: string | undefined;
}

/** @param lhc undefined: crossings are made from the intended times, at 25 ns */
export function eventColumns(answered: Iterable<Answered>, lhc: LhcTime | undefined): EventColumns {
  const slotMs = lhc?.slotMs ?? SLOT_MS;
  const rows = {
    bx: new List(),
    score: new List(),
    latency: new List(),
    truth: new List(),
    signal: new List(),
    answered: new List(),
  };
  let variable: string | undefined;
  let request = -1;
  for (const { intended, payload, latencyMs, scores } of answered) {
    request += 1;
    const answeredAt = (intended.atMs + latencyMs) / slotMs;
    const crossings = lhc?.crossings(intended);
    const { truth, eventRows } = payload;
    variable ??= truth?.variable;
    let row = 0;
    for (let event = 0; event < intended.events; event++) {
      // Without a time base the request's own time is the event's.
      const bx = crossings?.[event] ?? Math.floor(intended.atMs / slotMs);
      const end = row + (eventRows?.[event] ?? (intended.events === 1 ? payload.rows : 1));
      let [score, value, signal] = [Number.NEGATIVE_INFINITY, Number.NaN, 0];
      for (; row < end; row++) {
        score = Math.max(score, scores?.[row] ?? Number.NaN);
        const known = truth?.values[row];
        if (known !== undefined && !(known <= value)) value = known;
        if (truth?.signal[row] === 1) signal = 1;
      }
      rows.bx.push(bx);
      rows.score.push(scores === undefined ? Number.NaN : score);
      rows.latency.push(scores === undefined ? Number.POSITIVE_INFINITY : answeredAt - bx);
      rows.truth.push(value);
      rows.signal.push(signal);
      rows.answered.push(request);
    }
  }
  const order = Uint32Array.from({ length: rows.bx.length }, (_, at) => at);
  const bx = rows.bx.values;
  if (!isSorted(bx, rows.bx.length))
    order.sort((a, b) => (bx[a] as number) - (bx[b] as number) || a - b);
  const sorted = ({ values }: List) => Float64Array.from(order, (at) => values[at] as number);
  return {
    bx: sorted(rows.bx),
    score: Float32Array.from(sorted(rows.score)),
    latencyBx: sorted(rows.latency),
    truth: sorted(rows.truth),
    signal: Uint8Array.from(sorted(rows.signal)),
    answered: Uint32Array.from(sorted(rows.answered)),
    variable,
  };
}

function isSorted(values: Float64Array, length: number): boolean {
  for (let at = 1; at < length; at++) {
    if ((values[at] as number) < (values[at - 1] as number)) return false;
  }
  return true;
}

/** Grows as it is written. */
class List {
  values = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}
