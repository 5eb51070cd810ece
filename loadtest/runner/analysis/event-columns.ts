/**
 * Events in the order of their crossings, out of requests that may hold many: what
 * a trigger is shown. An event's score is the largest of its rows.
 */

import type { Intended, LhcTime, Payload, TriggerEvents } from "../../types.ts";
import { Outcome } from "../generator/event-log.ts";
import type { Outcomes } from "./outcomes.ts";

/** Without an LHC time base crossings are those of an undilated one. */
const SLOT_MS = 24.95e-6;

export interface SentRequest {
  readonly intended: Intended;
  readonly payload: Payload;
}

export interface EventTable extends TriggerEvents {
  /** Which request each event was in. */
  readonly request: Uint32Array;
  /** Truth of each event, where its payload was generated with one; NaN: unknown. */
  readonly truth: Float64Array;
  /** 1 signal, 0 background. */
  readonly signal: Uint8Array;
  /** 1 where the payload was sent for the first time: later ones are the same event again. */
  readonly fresh: Uint8Array;
  /** Name of the truth variable. */
  readonly variable: string | undefined;
}

/** @param measured numbers of the requests that count, in order */
export function eventsOf(
  sent: readonly SentRequest[],
  measured: readonly number[],
  outcomes: Outcomes,
  lhc: LhcTime | undefined,
): EventTable {
  const count = measured.reduce((sum, number) => sum + (sent[number]?.intended.events ?? 0), 0);
  const table = {
    bx: new Float64Array(count),
    score: new Float32Array(count).fill(Number.NaN),
    latencyBx: new Float64Array(count).fill(Number.POSITIVE_INFINITY),
    request: new Uint32Array(count),
    truth: new Float64Array(count).fill(Number.NaN),
    signal: new Uint8Array(count),
    fresh: new Uint8Array(count),
  };
  const slotMs = lhc?.slotMs ?? SLOT_MS;
  const seen = new Set<number>();
  let variable: string | undefined;
  let at = 0;
  for (const number of measured) {
    const request = sent[number];
    if (request === undefined) continue;
    const { intended, payload } = request;
    const scores = outcomes.scores(number);
    const good = outcomes.outcome[number] === Outcome.good;
    const latencyBx = (outcomes.latencyMs[number] ?? 0) / slotMs;
    const crossings = lhc?.crossings(intended);
    const fresh = seen.has(payload.key) ? 0 : 1;
    seen.add(payload.key);
    variable ??= payload.truth?.variable;
    let row = 0;
    for (let event = 0; event < intended.events; event++) {
      const rows = payload.eventRows?.[event] ?? Math.max(1, payload.rows / intended.events);
      table.bx[at] = crossings?.[event] ?? Math.floor(intended.atMs / slotMs);
      table.request[at] = number;
      table.fresh[at] = fresh;
      if (good) table.latencyBx[at] = latencyBx;
      if (good && scores !== undefined) table.score[at] = largest(scores, row, row + rows);
      if (payload.truth !== undefined) {
        const leading = leadingRow(payload.truth, row, row + rows);
        table.truth[at] = payload.truth.values[leading] ?? Number.NaN;
        table.signal[at] = anySignal(payload.truth.signal, row, row + rows);
      }
      row += rows;
      at += 1;
    }
  }
  return { ...table, variable };
}

function largest(scores: Float32Array, from: number, to: number): number {
  let most = Number.NaN;
  for (let row = from; row < Math.min(to, scores.length); row++) {
    const score = scores[row] ?? Number.NaN;
    if (!(score <= most)) most = score;
  }
  return most;
}

/** The row that decides about the event: of its signal rows, or of all where there are none, the one with the largest truth. */
function leadingRow(truth: NonNullable<Payload["truth"]>, from: number, to: number): number {
  let leading = from;
  for (let row = from + 1; row < to; row++) {
    const [a = 0, b = 0] = [truth.signal[row], truth.signal[leading]];
    if (a > b || (a === b && (truth.values[row] ?? 0) > (truth.values[leading] ?? 0)))
      leading = row;
  }
  return leading;
}

function anySignal(signal: Uint8Array, from: number, to: number): number {
  for (let row = from; row < to; row++) if (signal[row] === 1) return 1;
  return 0;
}
