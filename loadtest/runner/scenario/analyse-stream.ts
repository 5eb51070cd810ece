/** What a stream's trigger, and the orbit, make of a measurement. */
import type { Result } from "../../report/schema.ts";
import type { Answered, EventColumns } from "../../trigger/event-columns.ts";
import { eventColumns } from "../../trigger/event-columns.ts";
import { type Outcomes, outcomesOf } from "../analysis/outcomes.ts";
import { crossingFigures, triggerFigures } from "../analysis/trigger-figures.ts";
import type { Step } from "../step.ts";
import type { Decision, SentColumns } from "./sent-columns.ts";

export function analyseStream(
  decision: Decision | undefined,
  sent: SentColumns,
  step: Step,
  warmupMs: number,
): Partial<Result> {
  const { lhc } = sent;
  const outcomes = outcomesOf(step.overs, sent.keys.length);
  const measured = measuredNumbers(sent, warmupMs);
  const events = eventColumns(answered(sent, measured, outcomes), lhc);
  const trigger = decision && triggerOf(decision, sent, step, events, measured);
  return {
    ...(trigger === undefined ? {} : { trigger: trigger.trigger }),
    ...(lhc === undefined
      ? {}
      : { crossings: crossingFigures(events, measured, outcomes.latencyMs, trigger?.counts, lhc) }),
    ...(outcomes.left === 0
      ? {}
      : { notes: [`${outcomes.left} answers were not looked into: more than can be held`] }),
  };
}

function triggerOf(
  decision: Decision,
  { lhc, keys }: SentColumns,
  { point }: Step,
  events: EventColumns,
  measured: Uint32Array,
) {
  // Events of the experiment that those of this run stand for.
  const scale = lhc === undefined ? 1 : lhc.oneIn * lhc.dilation;
  const eventsHz = (events.bx.length / Math.max(1e-9, point.seconds)) * scale;
  const request = (at: number) => measured[events.answered[at] ?? 0] ?? 0;
  const seen = new Set<number>();
  const firstOf = new Set<number>();
  for (const number of measured) {
    const key = keys[number] ?? 0;
    if (seen.has(key)) continue;
    seen.add(key);
    firstOf.add(number);
  }
  const fresh = Uint8Array.from(events.bx, (_, at) => (firstOf.has(request(at)) ? 1 : 0));
  return triggerFigures({ ...events, fresh }, decision.make(lhc?.slotMs), decision, eventsHz);
}

/** Requests that were due after the warm-up; all of a closed loop. */
function measuredNumbers({ intended }: SentColumns, warmupMs: number): Uint32Array {
  const numbers: number[] = [];
  for (const [number, { atMs }] of intended.entries()) if (atMs >= warmupMs) numbers.push(number);
  return Uint32Array.from(numbers);
}

function* answered(
  { intended, keys, pool }: SentColumns,
  measured: Uint32Array,
  outcomes: Outcomes,
): Generator<Answered> {
  for (const number of measured) {
    const due = intended[number];
    const payload = pool[keys[number] ?? 0];
    if (due === undefined || payload === undefined) continue;
    const latencyMs = outcomes.latencyMs[number] ?? Number.NaN;
    yield {
      ...{ intended: due, payload, scores: outcomes.scores(number) },
      latencyMs: Number.isNaN(latencyMs) ? Number.POSITIVE_INFINITY : latencyMs,
    };
  }
}
