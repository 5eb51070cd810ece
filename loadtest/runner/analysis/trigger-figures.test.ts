import { describe, expect, it } from "vitest";
import { Random } from "../../../models/make/random.ts";
import { SLOTS } from "../../arrivals/lhc/clock.ts";
import { namedFilling } from "../../arrivals/lhc/named-fillings.ts";
import { triggerSchema } from "../../scenario/trigger-schema.ts";
import { makeTrigger } from "../../trigger/trigger.ts";
import { type FreshEvents, triggerFigures } from "./trigger-figures.ts";

const CROSSINGS = 1_000_000;
const THRESHOLD = 0.7;
const PIPELINE = 120;
const SPACING = 3;
const EVENTS_HZ = 30e6;

/** One in twenty is signal, whose score rises with its momentum; some answers are late, some never come. */
function million(): FreshEvents {
  const random = new Random(7);
  const { filled } = namedFilling("hl-lhc-2760b") ?? { filled: new Uint16Array(1) };
  const column = (of: (at: number) => number) =>
    Float64Array.from({ length: CROSSINGS }, (_, at) => of(at));
  const signal = Uint8Array.from({ length: CROSSINGS }, () => (random.chance(0.05) ? 1 : 0));
  const truth = column(() => random.exponential(40));
  const score = Float32Array.from(truth, (pt, at) =>
    signal[at] === 1
      ? Math.min(1, Math.max(0, pt / 100 + random.normal(0.2, 0.1)))
      : random.uniform() ** 6,
  );
  return {
    ...{ truth, signal, score, variable: "pt (GeV)" },
    bx: column((at) => Math.floor(at / filled.length) * SLOTS + (filled[at % filled.length] ?? 0)),
    latencyBx: column(() =>
      random.chance(0.002) ? Number.POSITIVE_INFINITY : random.exponential(25),
    ),
    answered: Uint32Array.from({ length: CROSSINGS }, (_, at) => at),
    fresh: new Uint8Array(CROSSINGS).fill(1),
  };
}

describe("figures of a trigger over a million crossings", () => {
  const events = million();
  const spec = triggerSchema.parse({
    ...{ threshold: THRESHOLD, pipelineBx: PIPELINE, spacingBx: SPACING },
  });
  const { trigger } = triggerFigures(events, makeTrigger(spec), spec, EVENTS_HZ);

  // The same from the definitions, one event after the other.
  const inTime = (at: number) => (events.latencyBx[at] ?? 0) <= PIPELINE;
  const above = (at: number, threshold: number) => (events.score[at] ?? 0) >= threshold;
  const all = Array.from({ length: CROSSINGS }, (_, at) => at);

  it("have the efficiency of each bin that counting gives", () => {
    const { bins = [] } = trigger.turnOn ?? {};
    expect(bins.length).toBeGreaterThan(10);
    const last = bins.length - 1;
    for (const [at, { from, to, events: seen, value }] of bins.entries()) {
      let [signals, accepted] = [0, 0];
      for (const event of all) {
        const pt = events.truth[event] ?? 0;
        if (events.signal[event] !== 1 || pt < from || pt > to || (pt === to && at < last))
          continue;
        signals += 1;
        if (inTime(event) && above(event, THRESHOLD)) accepted += 1;
      }
      expect(signals).toBeGreaterThan(100);
      expect([seen, value]).toEqual([signals, accepted / signals]);
    }
    // From almost none to almost all: the comparison says something.
    expect(bins[0]?.value).toBeLessThan(0.01);
    expect(bins.at(-1)?.value).toBeGreaterThan(0.95);
  });

  it("have the rates that counting gives", () => {
    expect(trigger.rate.length).toBeGreaterThan(10);
    for (const { threshold, perSecond } of trigger.rate) {
      const accepts = all.filter((at) => above(at, threshold)).length;
      expect(perSecond).toBeCloseTo((accepts / CROSSINGS) * EVENTS_HZ, 3);
    }
  });

  it("have the dead time and the output that walking through the crossings gives", () => {
    let [lastRead, dead, refused, read] = [Number.NEGATIVE_INFINITY, 0, 0, 0];
    for (const at of all) {
      const bx = events.bx[at] ?? 0;
      const blocked = bx <= lastRead + SPACING;
      if (blocked) dead += 1;
      if (!inTime(at) || !above(at, THRESHOLD)) continue;
      if (blocked) refused += 1;
      else {
        read += 1;
        lastRead = bx;
      }
    }
    expect(trigger).toMatchObject({ read, deadShare: dead / CROSSINGS });
    expect(trigger.deadTime).toEqual([{ cause: "spacing 3", refused, share: dead / CROSSINGS }]);
    expect(trigger.outputPerSecond).toBeCloseTo((read / CROSSINGS) * EVENTS_HZ, 3);
    expect(refused).toBeGreaterThan(100);
  });
});
