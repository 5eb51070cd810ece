import { describe, expect, it } from "vitest";
import { examplePoint } from "../../../test/support/loadtest-result.ts";
import { namedFilling } from "../../arrivals/lhc/named-fillings.ts";
import { triggerSchema } from "../../scenario/trigger-schema.ts";
import { makeTrigger } from "../../trigger/trigger.ts";
import type { LhcTime, Payload } from "../../types.ts";
import { EventLog, Outcome } from "../generator/event-log.ts";
import type { GeneratorOver } from "../generator/order.ts";
import type { Step } from "../step.ts";
import { analyseStream } from "./analyse-stream.ts";
import type { SentColumns } from "./sent-columns.ts";

const SLOT_MS = 0.25;

/** Each request an event at its own crossing; a pool of two: background scoring 0.2, signal 0.8. */
function sent(bx: readonly number[]): SentColumns {
  const payload = (key: number): Payload => ({
    ...{ key, inputs: [], rows: 1 },
    truth: {
      variable: "energy (GeV)",
      values: Float64Array.of(10 * key),
      signal: Uint8Array.of(key),
    },
  });
  const filling = namedFilling("nominal-2808b");
  if (filling === undefined) throw new Error("no such filling");
  const lhc: LhcTime = {
    ...{ filling, slotMs: SLOT_MS, dilation: 10_000, oneIn: 2 },
    crossings: ({ bx = 0 }) => Float64Array.of(bx),
  };
  return {
    intended: bx.map((one) => ({ atMs: one * SLOT_MS, bx: one, events: 1 })),
    keys: Uint32Array.from(bx, (_, at) => at % 2),
    pool: [payload(0), payload(1)],
    lhc,
  };
}

/** @param answers by number: latency, or nothing */
function step(answers: readonly (number | undefined)[], generators = 1): Step {
  const logs = Array.from({ length: generators }, () => new EventLog(1000));
  answers.forEach((latency, number) => {
    const log = logs[number % generators];
    if (latency === undefined) log?.add(number, 9999, Outcome.unanswered, undefined);
    else log?.add(number, latency, Outcome.good, Float32Array.of(number % 2 === 1 ? 0.8 : 0.2));
  });
  const overs = logs.map((log) => ({ events: log.columns() }) as unknown as GeneratorOver);
  return { point: examplePoint({ seconds: 2 }), requests: { pool: [] }, overs };
}

const spec = triggerSchema.parse({ threshold: 0.5, pipelineBx: 20, spacingBx: 3 });
const decision = {
  ...{ threshold: spec.threshold, prescale: spec.prescale },
  make: (slotMs = SLOT_MS) => makeTrigger(spec, slotMs),
};

describe("a stream whose answers are judged", () => {
  // Crossings 0, 1, 2, ...: every second event is signal and scores 0.8.
  const bx = Array.from({ length: 12 }, (_, at) => at);
  const inTime = bx.map(() => 1);

  it("counts each event once, however many generators sent them", () => {
    const one = analyseStream(decision, sent(bx), step(inTime), 0).trigger;
    const three = analyseStream(decision, sent(bx), step(inTime, 3), 0).trigger;
    expect(three).toEqual(one);
    expect(one).toMatchObject({ events: 12, scored: 12, accepted: 6, late: 0 });
    // Accepts at 1, 3, 5, ...: each vetoes three crossings, so every second one is lost.
    expect(one).toMatchObject({ read: 3, deadTime: [{ refused: 3 }] });
  });

  it("loses what comes after the pipeline, or never", () => {
    // 20 crossings are 5 ms.
    const late = [1, 6, 1, undefined, ...bx.slice(4).map(() => 1)];
    expect(analyseStream(decision, sent(bx), step(late), 0).trigger).toMatchObject({
      ...{ events: 12, scored: 10, late: 2, accepted: 4 },
    });
  });

  it("leaves out what was due during warm-up", () => {
    const { trigger } = analyseStream(decision, sent(bx), step(inTime), 4 * SLOT_MS);
    expect(trigger?.events).toBe(8);
  });

  it("tells rates of the experiment: sampled one in two, stretched 10 000 times", () => {
    const { trigger } = analyseStream(decision, sent(bx), step(inTime), 0);
    expect(trigger?.eventsPerSecond).toBeCloseTo((12 / 2) * 2 * 10_000);
    expect(trigger?.outputPerSecond).toBeCloseTo((3 / 12) * 120_000);
  });

  it("takes a payload that is sent again for no further event of the ROC", () => {
    const { trigger } = analyseStream(decision, sent(bx), step(inTime), 0);
    expect(trigger?.roc?.area).toBe(1);
    // One signal payload: no curve through one point.
    expect(trigger?.turnOn).toBeUndefined();
  });

  it("tells latency by the crossings that had events", () => {
    const { crossings } = analyseStream(decision, sent([5, 3564 + 5, 7]), step([1, 3, 2]), 0);
    expect(
      crossings?.slots.map(({ bx, requests, meanMs, maxMs }) => [bx, requests, meanMs, maxMs]),
    ).toEqual([
      [5, 2, 2, 3],
      [7, 1, 2, 2],
    ]);
  });
});
