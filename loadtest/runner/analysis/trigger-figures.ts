/** What a trigger makes of a run: rates, efficiency, dead time, around the orbit. */
import type { Crossings, TriggerFigures } from "../../report/schema.ts";
import { ratesByThreshold, thresholdsFor } from "../../statistics/rate.ts";
import { rocOf } from "../../statistics/roc.ts";
import { evenBins, fitTurnOn, turnOn } from "../../statistics/turn-on.ts";
import type { EventColumns } from "../../trigger/event-columns.ts";
import { Fate, type LhcTime, type TriggerCounts, type TriggerModel } from "../../types.ts";

const THRESHOLDS = 60;
const MOST_BINS = 16;
/** Signal events that a bin of the turn-on should hold at least. */
const LEAST_IN_BIN = 12;
const SLOTS = 3564;

export interface FreshEvents extends EventColumns {
  /** 1 where the payload was sent for the first time: sent again it is the same event again. */
  readonly fresh: Uint8Array;
}

export interface WorkingPoint {
  readonly threshold: number;
  readonly prescale: number;
}

/** @param eventsHz rate, in the experiment, of the events that these stand for */
export function triggerFigures(
  events: FreshEvents,
  model: TriggerModel,
  { threshold, prescale }: WorkingPoint,
  eventsHz: number,
): { readonly trigger: TriggerFigures; readonly counts: TriggerCounts } {
  const fates = model.push(events);
  const counts = model.figures();
  const offered = Math.max(1, counts.events);
  const thresholds = [...thresholdsFor(events.score, THRESHOLDS), threshold];
  const sorted = [...new Set(thresholds)].sort((a, b) => a - b);
  const roc = freshRoc(events);
  const distinct = events.score.filter((_, at) => events.fresh[at] === 1);
  const efficiency = freshTurnOn(events, fates);
  return {
    counts,
    trigger: {
      ...{ threshold, prescale },
      describe: model.describe,
      events: counts.events,
      scored: counts.inTime,
      accepted: counts.accepted,
      read: counts.read,
      late: counts.late + counts.overflow,
      eventsPerSecond: eventsHz,
      outputPerSecond: (counts.read / offered) * eventsHz,
      deadTime: counts.dead.map(({ cause, crossingsFirst, refused }) => ({
        ...{ cause, refused },
        share: crossingsFirst / offered,
      })),
      deadShare: counts.deadShare,
      rate: ratesByThreshold(events.score, distinct, eventsHz, sorted).map(
        ({ threshold, perSecond, low, high }) => ({ threshold, perSecond, low, high }),
      ),
      ...(efficiency === undefined ? {} : { turnOn: efficiency }),
      ...(roc === undefined ? {} : { roc }),
    },
  };
}

/** The same payload sent again is no further event: each counts once. */
function freshRoc({ score, signal, fresh, variable }: FreshEvents) {
  if (variable === undefined) return undefined;
  const chosen = [...fresh.keys()].filter((at) => fresh[at] === 1);
  const roc = rocOf(
    Float32Array.from(chosen, (at) => score[at] ?? Number.NaN),
    Uint8Array.from(chosen, (at) => signal[at] ?? 0),
  );
  return roc && { area: roc.area, points: [...roc.points] };
}

function freshTurnOn(events: FreshEvents, fates: Uint8Array): TriggerFigures["turnOn"] {
  const { truth, signal, fresh, variable } = events;
  if (variable === undefined) return undefined;
  const chosen = [...fresh.keys()].filter(
    (at) => fresh[at] === 1 && signal[at] === 1 && !Number.isNaN(truth[at]),
  );
  if (chosen.length === 0) return undefined;
  const values = Float64Array.from(chosen, (at) => truth[at] ?? 0);
  // In time and above the threshold; prescale and dead time are no property of the event.
  const accepted = Uint8Array.from(chosen, (at) => {
    const fate = fates[at];
    return fate === Fate.read || fate === Fate.prescaled || fate === Fate.dead ? 1 : 0;
  });
  const wanted = Math.max(4, Math.min(MOST_BINS, Math.floor(values.length / LEAST_IN_BIN)));
  const edges = evenBins(values, wanted);
  // All of one value: there is no curve.
  if (edges.length < 2) return undefined;
  const bins = turnOn(values, accepted, edges);
  const fit = fitTurnOn(bins);
  return {
    variable,
    bins: bins.map(({ from, to, events, value, low, high }) => ({
      ...{ from, to, events, low, high },
      value: events === 0 ? 0 : value,
    })),
    ...(fit === undefined ? {} : { fit }),
  };
}

/**
 * @param measured numbers of the requests that `events.answered` counts
 * @param latencyMs of each request, NaN where none was answered well
 */
export function crossingFigures(
  events: EventColumns,
  measured: Uint32Array,
  latencyMs: Float64Array,
  counts: TriggerCounts | undefined,
  { filling }: LhcTime,
): Crossings {
  const requests = new Uint32Array(SLOTS);
  const sum = new Float64Array(SLOTS);
  const max = new Float64Array(SLOTS);
  events.bx.forEach((bx, at) => {
    const ms = latencyMs[measured[events.answered[at] ?? 0] ?? 0] ?? Number.NaN;
    if (Number.isNaN(ms)) return;
    const slot = bx % SLOTS;
    requests[slot] = (requests[slot] ?? 0) + 1;
    sum[slot] = (sum[slot] ?? 0) + ms;
    max[slot] = Math.max(max[slot] ?? 0, ms);
  });
  const slots: Crossings["slots"] = [];
  requests.forEach((count, bx) => {
    if (count === 0) return;
    const offered = counts?.byBcid.offered[bx] ?? 0;
    slots.push({
      ...{ bx, requests: count, meanMs: (sum[bx] ?? 0) / count, maxMs: max[bx] ?? 0 },
      dead: offered === 0 ? 0 : (counts?.byBcid.dead[bx] ?? 0) / offered,
    });
  });
  return { fillingScheme: filling.name, slots };
}
