import { describe, expect, it } from "vitest";
import { Random } from "../../models/make/random.ts";
import { makeArrivals } from "../arrivals/arrivals.ts";
import { SLOT_MS, SLOTS } from "../arrivals/lhc/clock.ts";
import { namedFilling } from "../arrivals/lhc/named-fillings.ts";
import { arrivalsSchema } from "../scenario/arrivals-schema.ts";
import { type TriggerSpec, triggerSchema } from "../scenario/trigger-schema.ts";
import { Fate, type Intended, type Payload, type TriggerEvents } from "../types.ts";
import { eventColumns } from "./event-columns.ts";
import { makeTrigger } from "./trigger.ts";

const spec = (changes: object) => triggerSchema.parse({ threshold: 0.5, ...changes });

/** Events of 1 where not told, answered at once. */
function events(
  bx: readonly number[],
  { score = [], latency = [] }: { score?: readonly number[]; latency?: readonly number[] } = {},
): TriggerEvents {
  return {
    bx: Float64Array.from(bx),
    score: Float32Array.from(bx, (_, at) => score[at] ?? 1),
    latencyBx: Float64Array.from(bx, (_, at) => latency[at] ?? 0),
  };
}
const NAMES = Object.keys(Fate) as (keyof typeof Fate)[];
const fates = (changes: object, pushed: TriggerEvents) =>
  [...makeTrigger(spec(changes)).push(pushed)].map((fate) => NAMES[fate]);

describe("a trigger", () => {
  it("accepts from the threshold on", () => {
    const pushed = events([0, 1, 2, 3], { score: [0.49, 0.5, 0.51, Number.NaN] });
    expect(fates({}, pushed)).toEqual(["rejected", "read", "read", "rejected"]);
  });

  it("keeps every n-th accept", () => {
    const pushed = events([0, 1, 2, 3, 4, 5, 6], { score: [1, 0, 1, 1, 1, 1, 1] });
    expect(fates({ prescale: 3 }, pushed)).toEqual([
      ...["prescaled", "rejected", "prescaled", "read", "prescaled", "prescaled", "read"],
    ]);
  });

  it("loses what is answered after the pipeline's end, or reads it out unseen", () => {
    const pushed = events([0, 1, 2, 3], { latency: [160, 160.5, Number.POSITIVE_INFINITY, 3] });
    expect(fates({ pipelineBx: 160 }, pushed)).toEqual(["read", "late", "late", "read"]);
    expect(fates({ pipelineBx: 160, late: "forced" }, pushed)).toEqual([
      ...["read", "forced", "forced", "read"],
    ]);
  });

  it("waits without end where there is no pipeline, but not for what never comes", () => {
    const pushed = events([0, 1], { latency: [1e9, Number.POSITIVE_INFINITY] });
    expect(fates({}, pushed)).toEqual(["read", "late"]);
  });

  it("takes a budget in time as crossings of the run", () => {
    const slow = makeTrigger(spec({ budgetMs: 5 }), 1000 * SLOT_MS);
    const limit = 5 / (1000 * SLOT_MS);
    const pushed = events([0, 1], { latency: [limit - 1e-6, limit + 1e-6] });
    expect([...slow.push(pushed)]).toEqual([Fate.read, Fate.late]);
  });

  it("loses what comes when the buffer is full; decided events leave it", () => {
    const pushed = events([0, 1, 2, 10, 11, 12], { latency: [10, 10, 10, 10, 10, 10] });
    expect(fates({ bufferEvents: 2 }, pushed)).toEqual([
      ...["read", "read", "overflow", "read", "read", "overflow"],
    ]);
  });

  it("accepts 1 in 3: the two crossings after an accept are dead", () => {
    const rules = [{ accepts: 1, inBx: 3 }];
    expect(fates({ rules }, events([0, 1, 2, 3, 5, 6]))).toEqual([
      ...["read", "dead", "dead", "read", "dead", "read"],
    ]);
  });

  it("is not held dead by what it refused", () => {
    const trigger = makeTrigger(spec({ spacingBx: 4 }));
    expect([...trigger.push(events([0, 3, 5, 8, 9, 10]))]).toEqual([
      ...[Fate.read, Fate.dead, Fate.read, Fate.dead, Fate.dead, Fate.read],
    ]);
    expect(trigger.figures().dead).toEqual([
      { cause: "spacing 4", crossings: 3, crossingsFirst: 3, refused: 3 },
    ]);
  });

  it("fills a bucket, which leaks", () => {
    // holds 2, one leaves every 10: level 10, 19 (of 20), then room for a whole one at 10 and less
    const buckets = [{ size: 2, bx: 10 }];
    expect(fates({ buckets }, events([0, 1, 2, 9, 10, 19, 20, 30]))).toEqual([
      ...["read", "read", "dead", "dead", "read", "dead", "read", "read"],
    ]);
  });

  it("charges each refusal to one cause, and counts the crossings of all", () => {
    const trigger = makeTrigger(
      spec({
        rules: [
          { accepts: 1, inBx: 3 },
          { accepts: 2, inBx: 25 },
        ],
      }),
    );
    trigger.push(events([0, 1, 3, 4, 10]));
    expect(trigger.figures()).toMatchObject({
      ...{ events: 5, accepted: 5, read: 2, refused: 3, deadShare: 3 / 5, spanBx: 11 },
      dead: [
        { cause: "1 in 3", crossings: 2, crossingsFirst: 2, refused: 2 },
        { cause: "2 in 25", crossings: 2, crossingsFirst: 1, refused: 1 },
      ],
    });
  });

  it("wants its events in order", () => {
    const trigger = makeTrigger(spec({}));
    trigger.push(events([5]));
    expect(() => trigger.push(events([4]))).toThrow("crossing 4 comes after crossing 5");
  });

  it("tells what it does", () => {
    const { describe } = makeTrigger(spec({ pipelineBx: 500, rules: "cms", prescale: 2 }));
    expect(describe).toBe(
      "accepts largest value of the first output from 0.5 on; keeps one accept in 2, by counting; " +
        "answers after 500 crossings (0.01248 ms of this run) are lost; dead time: 1 in 3, 2 in 25, 3 in 100, 4 in 240",
    );
  });
});

/**
 * The same, written again from the rules' words: whole histories are looked
 * through for every event, nothing is carried along.
 */
function bruteForce(rules: TriggerSpec, pipeline: number, { bx, score, latencyBx }: TriggerEvents) {
  const fate = new Uint8Array(bx.length);
  const reads: number[] = [];
  const held: { readonly from: number; readonly until: number }[] = [];
  const windows = [
    ...(rules.spacingBx > 0 ? [{ k: 1, n: rules.spacingBx + 1 }] : []),
    ...(rules.rules === "cms"
      ? [
          { k: 1, n: 3 },
          { k: 2, n: 25 },
          { k: 3, n: 100 },
          { k: 4, n: 240 },
        ]
      : rules.rules.map(({ accepts, inBx }) => ({ k: accepts, n: inBx }))),
  ];
  const causes = (rules.bufferEvents === undefined ? 0 : 1) + windows.length + rules.buckets.length;
  const crossings = Array<number>(causes).fill(0);
  const crossingsFirst = Array<number>(causes).fill(0);
  const refused = Array<number>(causes).fill(0);
  const bcid = {
    offered: new Uint32Array(SLOTS),
    dead: new Uint32Array(SLOTS),
    read: new Uint32Array(SLOTS),
  };
  const add = (counts: Uint32Array, slot: number) => {
    counts[slot] = (counts[slot] ?? 0) + 1;
  };
  const totals = { accepted: 0, dead: 0 };
  // reads within the window n that ends with this crossing
  const within = (at: number, n: number) => {
    let count = 0;
    for (let i = reads.length - 1; i >= 0 && (reads[i] as number) > at - n; i--) count += 1;
    return count;
  };
  // level of a bucket by filling and leaking anew from the first read that can matter
  const levels = rules.buckets.map(() => ({ upTo: 0, level: 0, next: 0 }));
  for (let at = 0; at < bx.length; at++) {
    const crossing = bx[at] as number;
    const slot = crossing % SLOTS;
    add(bcid.offered, slot);
    const dead: boolean[] = [];
    if (rules.bufferEvents !== undefined) {
      const waiting = held.filter(({ until }) => until > crossing);
      held.length = 0;
      held.push(...waiting);
      dead.push(waiting.length >= rules.bufferEvents);
    }
    const full = dead[0] === true && rules.bufferEvents !== undefined;
    for (const { k, n } of windows) dead.push(within(crossing, n) >= k);
    for (const [which, { size, bx: perAccept }] of rules.buckets.entries()) {
      const bucket = levels[which] as (typeof levels)[number];
      // one crossing after the other
      while (bucket.upTo < crossing) {
        while (bucket.next < reads.length && (reads[bucket.next] as number) === bucket.upTo) {
          bucket.level += perAccept;
          bucket.next += 1;
        }
        if (bucket.level > 0) bucket.level -= 1;
        bucket.upTo += 1;
        const nextRead = reads[bucket.next] ?? Number.POSITIVE_INFINITY;
        if (bucket.level === 0) bucket.upTo = Math.max(bucket.upTo, Math.min(nextRead, crossing));
      }
      dead.push(bucket.level + perAccept > size * perAccept);
    }
    const first = dead.indexOf(true);
    for (const [which, one] of dead.entries()) {
      if (one) crossings[which] = (crossings[which] as number) + 1;
    }
    if (first >= 0) {
      crossingsFirst[first] = (crossingsFirst[first] as number) + 1;
      totals.dead += 1;
      add(bcid.dead, slot);
    }
    const latency = latencyBx[at] as number;
    if (full) {
      fate[at] = Fate.overflow;
      continue;
    }
    held.push({ from: crossing, until: crossing + Math.min(latency, pipeline) });
    if (latency > pipeline) {
      fate[at] = rules.late === "forced" ? Fate.forced : Fate.late;
    } else if ((score[at] as number) < rules.threshold) fate[at] = Fate.rejected;
    else {
      totals.accepted += 1;
      if (totals.accepted % rules.prescale > 0) fate[at] = Fate.prescaled;
      else if (first >= 0) {
        fate[at] = Fate.dead;
        refused[first] = (refused[first] as number) + 1;
      } else fate[at] = Fate.read;
    }
    if (fate[at] === Fate.read || fate[at] === Fate.forced) {
      reads.push(crossing);
      add(bcid.read, slot);
    }
  }
  return { fate, crossings, crossingsFirst, refused, bcid, reads: reads.length, ...totals };
}

describe("dead time and losses over a million crossings", () => {
  const CROSSINGS = 1_000_000;
  const { filled } = namedFilling("hl-lhc-2760b") ?? { filled: new Uint16Array(1) };
  const random = new Random(2026);
  const million: TriggerEvents = {
    bx: Float64Array.from(
      { length: CROSSINGS },
      (_, n) => Math.floor(n / filled.length) * SLOTS + (filled[n % filled.length] as number),
    ),
    score: Float32Array.from({ length: CROSSINGS }, () => random.uniform()),
    latencyBx: Float64Array.from({ length: CROSSINGS }, () =>
      random.chance(0.001) ? Number.POSITIVE_INFINITY : 60 + random.exponential(20),
    ),
  };

  it.each([
    ["CMS rules", { threshold: 0.97, rules: "cms", pipelineBx: 160 }],
    [
      "ATLAS: simple and complex, prescaled",
      {
        ...{ threshold: 0.9, prescale: 3, spacingBx: 4, pipelineBx: 200 },
        buckets: [
          { size: 15, bx: 370 },
          { size: 9, bx: 351 },
          { size: 3, bx: 41 },
        ],
      },
    ],
    [
      "a buffer that overflows, and late events that are read out",
      {
        threshold: 0.98,
        bufferEvents: 70,
        late: "forced",
        rules: [{ accepts: 2, inBx: 25 }],
        pipelineBx: 110,
      },
    ],
  ])("are those of an independent calculation: %s", (_, changes) => {
    const rules = triggerSchema.parse(changes);
    const expected = bruteForce(rules, rules.pipelineBx ?? 0, million);
    const trigger = makeTrigger(rules);
    // in pieces of any size
    const fate = new Uint8Array(CROSSINGS);
    for (let from = 0, step = 1; from < CROSSINGS; from += step, step = 2 * step + 1) {
      const piece = (values: Float64Array | Float32Array) => values.subarray(from, from + step);
      fate.set(
        trigger.push({
          bx: piece(million.bx) as Float64Array,
          score: piece(million.score) as Float32Array,
          latencyBx: piece(million.latencyBx) as Float64Array,
        }),
        from,
      );
    }
    expect(Buffer.compare(fate, expected.fate)).toBe(0);
    const figures = trigger.figures();
    expect(figures.dead.map((cause) => cause.crossings)).toEqual(expected.crossings);
    expect(figures.dead.map((cause) => cause.crossingsFirst)).toEqual(expected.crossingsFirst);
    expect(figures.dead.map((cause) => cause.refused)).toEqual(expected.refused);
    expect(figures.byBcid).toEqual(expected.bcid);
    expect(figures).toMatchObject({
      ...{ events: CROSSINGS, accepted: expected.accepted, read: expected.reads },
      deadShare: expected.dead / CROSSINGS,
    });
    // Each kind of fate of this case came about, so the comparison says something.
    expect(figures.refused).toBeGreaterThan(100);
    expect(figures.late).toBeGreaterThan(100);
    if (rules.bufferEvents !== undefined) expect(figures.overflow).toBeGreaterThan(100);
  });

  it("go through at millions of crossings a second", () => {
    const rules = triggerSchema.parse({ threshold: 0.97, rules: "cms", pipelineBx: 160 });
    let best = 0;
    // The best of some: other work on the machine is not what is tested.
    for (let tries = 0; tries < 40 && best <= 2e6; tries++) {
      const trigger = makeTrigger(rules);
      const begun = performance.now();
      trigger.push(million);
      best = Math.max(best, CROSSINGS / ((performance.now() - begun) / 1000));
    }
    expect(best).toBeGreaterThan(2e6);
  });

  it("of a random trigger are those of the formula for a dead time that does not extend", () => {
    const every = events(Array.from({ length: 400_000 }, (_, bx) => bx));
    const draw = new Random(3);
    const score = Float32Array.from(every.bx, () => draw.uniform());
    const trigger = makeTrigger(spec({ threshold: 0.98, spacingBx: 40 }));
    trigger.push({ ...every, score });
    // m = n / (1 + n tau), with rates per crossing
    const { read, events: offered } = trigger.figures();
    expect(read / offered).toBeCloseTo(0.02 / (1 + 0.02 * 40), 3);
  });
});

describe("events of answers", () => {
  const tensors = { inputs: [], key: 0 };
  const lhc = (mode: object) =>
    makeArrivals(arrivalsSchema.parse({ kind: "lhc", filling: "single-12b", mode }), 1).lhc;

  it("of one crossing are as late as their answer", () => {
    const time = lhc({ kind: "dilate", by: 1000 });
    const intended: Intended = { atMs: 297 * 1000 * SLOT_MS, bx: 297, events: 1 };
    const payload: Payload = { ...tensors, rows: 1 };
    const columns = eventColumns(
      [{ intended, payload, latencyMs: 10 * 1000 * SLOT_MS, scores: Float32Array.of(0.7) }],
      time,
    );
    expect(columns.bx).toEqual(Float64Array.of(297));
    expect(columns.latencyBx[0]).toBeCloseTo(10, 9);
    expect(columns.score[0]).toBeCloseTo(0.7, 6);
  });

  it("of a packed orbit wait for its end first", () => {
    const time = lhc({ kind: "packed", as: "orbit" });
    const intended: Intended = { atMs: SLOTS * SLOT_MS, bx: 0, events: 12 };
    const payload: Payload = { ...tensors, rows: 12 };
    const scores = Float32Array.from({ length: 12 }, (_, at) => at);
    const columns = eventColumns([{ intended, payload, latencyMs: 100 * SLOT_MS, scores }], time);
    expect([...columns.bx]).toEqual(Array.from({ length: 12 }, (_, at) => 297 * at));
    expect(columns.latencyBx[0]).toBeCloseTo(SLOTS + 100, 6);
    expect(columns.latencyBx[11]).toBeCloseTo(SLOTS + 100 - 11 * 297, 6);
    expect([...columns.score]).toEqual([...scores]);
  });

  it("of several rows have the best score, and the truth of their largest", () => {
    const truth = {
      variable: "pt (GeV)",
      values: Float64Array.of(5, 9, 2),
      signal: Uint8Array.of(0, 1, 0),
    };
    const payload: Payload = { ...tensors, rows: 3, truth };
    const intended: Intended = { atMs: 1, events: 1 };
    const scores = Float32Array.of(0.1, 0.3, 0.9);
    const columns = eventColumns([{ intended, payload, latencyMs: 2, scores }], undefined);
    expect(columns).toMatchObject({ variable: "pt (GeV)", signal: Uint8Array.of(1) });
    expect([columns.score[0], columns.truth[0]]).toEqual([Math.fround(0.9), 9]);
    expect(columns.bx[0]).toBe(Math.floor(1 / SLOT_MS));
  });

  it("are brought into the order of their crossings; the unanswered are endlessly late", () => {
    const payload: Payload = { ...tensors, rows: 1 };
    const time = lhc({ kind: "sample", oneIn: 1 });
    const one = (bx: number, scores?: Float32Array) => ({
      intended: { atMs: bx * SLOT_MS, bx, events: 1 },
      ...{ payload, latencyMs: scores === undefined ? 500 : 1, scores },
    });
    const columns = eventColumns([one(297, Float32Array.of(1)), one(0)], time);
    expect([...columns.bx]).toEqual([0, 297]);
    expect([...columns.answered]).toEqual([1, 0]);
    expect(columns.latencyBx[0]).toBe(Number.POSITIVE_INFINITY);
    expect(columns.score[0]).toBeNaN();
  });
});
