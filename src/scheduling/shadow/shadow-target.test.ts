import { describe, expect, it } from "vitest";
import { aRequest, FakeCall } from "../../../test/support/requests.ts";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import type { InferResponse } from "../../inference/request.ts";
import { silent } from "../../logger.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";
import { takeSample } from "./sample.ts";
import { ShadowBudget } from "./shadow-budget.ts";
import { ShadowCounters } from "./shadow-counters.ts";
import { ShadowTarget } from "./shadow-target.ts";
import { ShadowedCall } from "./shadowed-call.ts";

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const FOUR_ULP: Equivalence = { class: { kind: "ulp", max: 4 } };
const TAGGER: Equivalence = {
  class: { kind: "physics", output: "y", threshold: 0.5, minAgreement: 0.95 },
};

/** An artifact that is `offset` away from what was answered; live answers are 0.5 and 1 in turn. */
function aTarget({
  equivalence = FOUR_ULP,
  judged = true,
  offset = () => 0,
  queueRows = 4096,
  demote,
}: {
  equivalence?: Equivalence;
  judged?: boolean;
  offset?: (row: number) => number;
  queueRows?: number;
  demote?: (reason: string) => Promise<void>;
} = {}) {
  const clock = new VirtualClock();
  const counters = new ShadowCounters("jets", "2", "u50");
  const budget = new ShadowBudget(queueRows, 1e6);
  const demoted: string[] = [];
  let idle = true;
  let computed = 0;
  let closed = false;
  const batches: number[] = [];
  const target = new ShadowTarget({
    name: "u50",
    equivalences: new Map([["cpu", equivalence]]),
    outputs: [{ name: "y", datatype: "FP32" }],
    judged,
    minRows: 100,
    budget,
    counters,
    demote: demote ?? (async (reason) => void demoted.push(reason)),
    clock,
    log: silent,
    device: {
      get idle() {
        return idle;
      },
      maxRows: 8,
      async run(batch) {
        if (!idle) throw new Error("the device is busy");
        batches.push(batch.length);
        const outputs = batch.map(([input]) => {
          const live = new Float32Array(Uint8Array.from(input?.data ?? []).buffer);
          const values = [...live].map((value) => value + offset(computed++));
          return new Map([["y", floats(...values)]]);
        });
        return { outputs, deviceUs: 7, gatewayUs: 1 };
      },
      async close() {
        closed = true;
      },
    },
  });
  let asked = 0;
  /** The answer is what was asked. */
  const offer = (rows = 1, kind = "") => {
    const data = floats(...Array.from({ length: rows }, () => (asked++ % 2 === 0 ? 0.5 : 1)));
    return target.offer({
      rows,
      inputs: [{ name: "x", datatype: "FP32", shape: [rows, 1], data }],
      outputs: new Map([["y", data]]),
      answeredBy: "cpu",
      kind,
      byteLength: 100,
    });
  };
  const flow = async (requests: number) => {
    for (let i = 0; i < requests; i++) {
      offer();
      await clock.advance(5);
    }
  };
  return {
    ...{ target, clock, counters, budget, demoted, offer, flow, batches },
    busy: (is: boolean) => {
      idle = !is;
    },
    closed: () => closed,
  };
}

describe("an artifact that computes live requests once more", () => {
  it("is compared row by row, and stays while it is in its class", async () => {
    const { flow, counters, demoted } = aTarget({ offset: () => 2 ** -23 });
    await flow(300);
    expect(counters).toMatchObject({ rows: 300, failingRows: 0, deviceUs: 2100, demotions: 0 });
    const ulps = counters.errors.get("ulp");
    expect(ulps?.counts.reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(ulps?.counts[0]).toBe(0);
    expect(demoted).toEqual([]);
  });

  it("is demoted once, within 1 000 rows after drift is injected, however long all was well", async () => {
    const drifts = 5_000;
    // One row in a hundred is wrong.
    const { flow, counters, demoted, target } = aTarget({
      offset: (row) => (row >= drifts && row % 100 === 0 ? 0.01 : 0),
    });
    await flow(drifts);
    expect(demoted).toEqual([]);
    await flow(1_000);
    expect(demoted).toHaveLength(1);
    expect(demoted[0]).toMatch(/rows of live requests are outside its class/);
    expect(counters.rows).toBeLessThanOrEqual(drifts + 1_000);
    expect([counters.demotions, target.open]).toEqual([1, false]);
  });

  it("is judged by decisions in the class physics", async () => {
    // The answers at the threshold flip, half of all; then none.
    const wrong = aTarget({ equivalence: TAGGER, offset: () => -0.01 });
    await wrong.flow(200);
    expect(wrong.demoted).toHaveLength(1);
    expect(wrong.counters.decisionFlips).toBe(wrong.counters.failingRows);
    const right = aTarget({ equivalence: TAGGER, offset: () => 0.2 });
    await right.flow(200);
    expect([right.demoted, right.counters.decisionFlips]).toEqual([[], 0]);
  });

  it("is only counted where its answers differ by design", async () => {
    const { flow, counters, demoted } = aTarget({ judged: false, offset: () => 1 });
    await flow(300);
    expect([counters.failingRows, demoted]).toEqual([300, []]);
  });

  it("waits while its device is needed, and drops what there is no room for", async () => {
    const { offer, clock, counters, busy, budget } = aTarget({ queueRows: 10 });
    busy(true);
    expect([offer(4), offer(4), offer(4)]).toEqual([true, true, false]);
    await clock.advance(1_000);
    expect([counters.rows, counters.droppedRows, budget.rows]).toEqual([0, 4, 8]);
    busy(false);
    await clock.advance(5);
    expect([counters.rows, budget.rows]).toEqual([8, 0]);
  });

  it("waits for no device that never comes: others need the room", async () => {
    const { busy, offer, clock, counters, budget, batches } = aTarget();
    busy(true);
    offer(2);
    await clock.advance(3000);
    offer(1);
    await clock.advance(2500);
    expect([counters.droppedRows, budget.rows]).toEqual([2, 1]);
    busy(false);
    await clock.advance(5);
    expect([batches, counters.droppedRows, counters.rows]).toEqual([[1], 2, 1]);
  });

  it("is no execution that failed where it cannot be demoted", async () => {
    const { flow, counters, target } = aTarget({
      offset: () => 1,
      demote: () => Promise.reject(new Error("the disk is full")),
    });
    await flow(200);
    expect([counters.demotions, counters.failedRows, target.open]).toEqual([1, 0, false]);
  });

  it("computes what waits as batches of one kind", async () => {
    const { offer, clock, counters, batches } = aTarget();
    for (const rows of [3, 3, 3, 8]) offer(rows);
    offer(1, "other");
    offer(1, "other");
    await clock.advance(5);
    expect([batches, counters.rows, counters.failingRows]).toEqual([[2, 1, 1, 2], 19, 0]);
  });

  it("goes on after an execution that failed", async () => {
    let fails = true;
    const { flow, counters } = aTarget({
      offset: () => {
        if (fails) throw new Error("clFinish: -5");
        return 0;
      },
    });
    await flow(2);
    fails = false;
    await flow(2);
    expect([counters.failedRows, counters.rows]).toEqual([2, 2]);
  });

  it("gives everything back when it is closed", async () => {
    const { target, offer, budget, busy, counters, closed } = aTarget();
    busy(true);
    offer(3);
    await target.close();
    expect([budget.rows, counters.droppedRows, closed(), offer()]).toEqual([0, 3, true, false]);
  });
});

describe("a request that is among the samples", () => {
  it("is answered first; then it and its answer are copied", () => {
    const call = new FakeCall();
    const request = aRequest({ value: 3 });
    const data = Uint8Array.of(9, 9);
    const response: InferResponse = {
      model: "jets",
      version: "1",
      id: "",
      outputs: [{ name: "y", datatype: "UINT8", shape: [1, 2], data }],
      variant: "cpu",
    };
    const told: number[] = [];
    const shadowed = new ShadowedCall(call, (answer) => {
      told.push(call.answers.length);
      const sample = takeSample(request, answer);
      data.fill(0);
      request.inputs[0]?.data.pieces[0]?.fill(0);
      expect(sample.outputs.get("y")).toEqual(Uint8Array.of(9, 9));
      expect([...(sample.inputs[0]?.data ?? [])]).toEqual([3, 3]);
      expect(sample).toMatchObject({ rows: 1, answeredBy: "cpu" });
      expect(sample.kind).toBe(takeSample(aRequest({ rows: 2 }), answer).kind);
      const alone = aRequest({ alone: true });
      expect(takeSample(alone, answer).kind).not.toBe(takeSample(alone, answer).kind);
    });
    shadowed.respond(response, true);
    expect(told).toEqual([1]);
  });
});
