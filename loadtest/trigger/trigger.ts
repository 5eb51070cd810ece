/**
 * The trigger over the answers, event by event in the order of the crossings: was
 * there room to hold the event, did the answer come in time, is the score high
 * enough, does the prescale keep it, is the trigger dead. Offline: times are those
 * that were measured, so it takes nothing from the measurement.
 */
import { SLOT_MS, SLOTS } from "../arrivals/lhc/clock.ts";
import { TimeQueue } from "../arrivals/time-queue.ts";
import type { TriggerSpec } from "../scenario/trigger-schema.ts";
import {
  type DeadTime,
  Fate,
  type TriggerCounts,
  type TriggerEvents,
  type TriggerModel,
} from "../types.ts";
import { bucketRule, CMS_RULES, type DeadTimeRule, spacingRule, windowRule } from "./rules.ts";

/** Crossings that the front end holds an event; Infinity: as long as it takes. */
function pipelineOf({ pipelineBx, budgetMs }: TriggerSpec, slotMs: number): number {
  return Math.min(
    pipelineBx ?? Number.POSITIVE_INFINITY,
    budgetMs === undefined ? Number.POSITIVE_INFINITY : budgetMs / slotMs,
  );
}

/** In the order in which they are charged. */
function rulesOf({ spacingBx, rules, buckets }: TriggerSpec): DeadTimeRule[] {
  return [
    ...(spacingBx > 0 ? [spacingRule(spacingBx)] : []),
    ...(rules === "cms" ? CMS_RULES : rules).map(windowRule),
    ...buckets.map(bucketRule),
  ];
}

/** Counted up. */
type Cause = { -readonly [name in keyof DeadTime]: DeadTime[name] };

class Trigger implements TriggerModel {
  readonly describe: string;
  readonly #spec: TriggerSpec;
  readonly #pipeline: number;
  readonly #rules: readonly DeadTimeRule[];
  /** When each event that waits for its decision gets it. */
  readonly #undecided: TimeQueue | undefined;
  readonly #causes: Cause[];
  readonly #fates = new Float64Array(Object.keys(Fate).length);
  readonly #offered = new Uint32Array(SLOTS);
  readonly #dead = new Uint32Array(SLOTS);
  readonly #read = new Uint32Array(SLOTS);
  #accepted = 0;
  #deadCrossings = 0;
  #firstBx: number | undefined;
  #lastBx = Number.NEGATIVE_INFINITY;

  constructor(spec: TriggerSpec, slotMs: number) {
    this.#spec = spec;
    this.#pipeline = pipelineOf(spec, slotMs);
    this.#rules = rulesOf(spec);
    this.#undecided =
      spec.bufferEvents === undefined ? undefined : new TimeQueue(spec.bufferEvents);
    const names = [
      ...(spec.bufferEvents === undefined ? [] : [`buffer ${spec.bufferEvents}`]),
      ...this.#rules.map(({ cause }) => cause),
    ];
    this.#causes = names.map((cause) => ({ cause, crossings: 0, crossingsFirst: 0, refused: 0 }));
    this.describe = describeTrigger(spec, slotMs);
  }

  push({ bx, score, latencyBx }: TriggerEvents): Uint8Array {
    const fates = new Uint8Array(bx.length);
    for (let at = 0; at < bx.length; at++) {
      const crossing = bx[at] as number;
      if (crossing < this.#lastBx) {
        throw new RangeError(`crossing ${crossing} comes after crossing ${this.#lastBx}`);
      }
      this.#lastBx = crossing;
      this.#firstBx ??= crossing;
      const fate = this.#decide(crossing, score[at] as number, latencyBx[at] as number);
      fates[at] = fate;
      this.#fates[fate] = (this.#fates[fate] as number) + 1;
    }
    return fates;
  }

  #decide(bx: number, score: number, latency: number): number {
    const bcid = bx % SLOTS;
    this.#offered[bcid] = (this.#offered[bcid] as number) + 1;
    const undecided = this.#undecided;
    while (undecided !== undefined && undecided.first <= bx) undecided.removeFirst();
    const full = undecided?.full === true;
    const cause = this.#firstCause(bx, full);
    if (cause >= 0) {
      this.#dead[bcid] = (this.#dead[bcid] as number) + 1;
      this.#deadCrossings += 1;
    }
    if (full) return Fate.overflow;
    undecided?.push(bx + Math.min(latency, this.#pipeline));
    if (latency > this.#pipeline || latency === Number.POSITIVE_INFINITY) {
      if (this.#spec.late === "lost") return Fate.late;
      this.#readOut(bx, bcid);
      return Fate.forced;
    }
    if (!(score >= this.#spec.threshold)) return Fate.rejected;
    this.#accepted += 1;
    if (this.#accepted % this.#spec.prescale !== 0) return Fate.prescaled;
    const charged = this.#causes[cause];
    if (charged !== undefined) {
      charged.refused += 1;
      return Fate.dead;
    }
    this.#readOut(bx, bcid);
    return Fate.read;
  }

  /** Position in `#causes` of the first that holds, counting all that do; -1: none. */
  #firstCause(bx: number, full: boolean): number {
    const rules = this.#rules;
    const offset = this.#undecided === undefined ? 0 : 1;
    let first = -1;
    if (full) first = this.#countCause(0, first);
    for (let at = 0; at < rules.length; at++) {
      if ((rules[at] as DeadTimeRule).dead(bx)) first = this.#countCause(at + offset, first);
    }
    return first;
  }

  /** @param first the cause that was found before, or -1. @returns the first now */
  #countCause(at: number, first: number): number {
    const cause = this.#causes[at] as Cause;
    cause.crossings += 1;
    if (first >= 0) return first;
    cause.crossingsFirst += 1;
    return at;
  }

  #readOut(bx: number, bcid: number): void {
    this.#read[bcid] = (this.#read[bcid] as number) + 1;
    for (const rule of this.#rules) rule.accept(bx);
  }

  figures(): TriggerCounts {
    const of = (fate: number) => this.#fates[fate] as number;
    const events = this.#fates.reduce((sum, count) => sum + count, 0);
    return {
      events,
      inTime: events - of(Fate.late) - of(Fate.forced) - of(Fate.overflow),
      late: of(Fate.late) + of(Fate.forced),
      overflow: of(Fate.overflow),
      accepted: this.#accepted,
      prescaled: of(Fate.prescaled),
      refused: of(Fate.dead),
      read: of(Fate.read) + of(Fate.forced),
      forced: of(Fate.forced),
      deadShare: events === 0 ? 0 : this.#deadCrossings / events,
      dead: this.#causes.map((cause): DeadTime => ({ ...cause })),
      byBcid: { offered: this.#offered, dead: this.#dead, read: this.#read },
      spanBx: this.#firstBx === undefined ? 0 : this.#lastBx - this.#firstBx + 1,
    };
  }
}

/** @param slotMs ms between two crossings of this run (`LhcTime.slotMs`) */
export function makeTrigger(spec: TriggerSpec, slotMs: number = SLOT_MS): TriggerModel {
  return new Trigger(spec, slotMs);
}

export function describeTrigger(spec: TriggerSpec, slotMs: number): string {
  const { threshold, prescale, output, column, bufferEvents } = spec;
  const score = `${column === undefined ? "largest value" : `column ${column}`} of ${output === "" ? "the first output" : output}`;
  const causes = rulesOf(spec).map(({ cause }) => cause);
  return [
    `accepts ${score} from ${threshold} on`,
    ...(prescale > 1 ? [`keeps one accept in ${prescale}, by counting`] : []),
    pipelineText(spec, slotMs),
    ...(bufferEvents === undefined
      ? []
      : [`holds ${bufferEvents} undecided events, more are lost`]),
    causes.length === 0 ? "no dead time after an accept" : `dead time: ${causes.join(", ")}`,
  ].join("; ");
}

function pipelineText({ pipelineBx, budgetMs, late }: TriggerSpec, slotMs: number): string {
  const becomes = late === "lost" ? "are lost" : "are read out unseen";
  const pipelineMs = (pipelineBx ?? Number.POSITIVE_INFINITY) * slotMs;
  if (budgetMs !== undefined && budgetMs < pipelineMs)
    return `answers after ${budgetMs} ms ${becomes}`;
  if (pipelineBx === undefined) return "waits for every answer";
  const ms = Number(pipelineMs.toPrecision(4));
  return `answers after ${pipelineBx} crossings (${ms} ms of this run) ${becomes}`;
}
