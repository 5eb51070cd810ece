import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { Story } from "../../inference/story.ts";
import { newTimeline } from "../../inference/timeline.ts";
import { Explain } from "./explain.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const everything = () => true;

function anExplain({ requests = 4, share = 1, random = (): number => 0.5 } = {}) {
  let nowMs = 1_000;
  const explain = new Explain({
    requests,
    share,
    random,
    now: () => nowMs,
    wallMs: () => Date.UTC(2026, 0, 1) + nowMs,
  });
  const begin = (id: string, bundledIds?: readonly string[], tenant = "cms"): Story | undefined =>
    explain.begin(
      { id, model: "jets", version: "", ...(bundledIds && { bundledIds }) },
      newTimeline(nowMs),
      tenant,
    );
  const wait = (ms: number) => {
    nowMs += ms;
  };
  return { explain, begin, wait };
}

const batch = { rows: 3, requests: 2, closed: "full", device: "u50-0", instance: "jets#0" };

describe("a request that somebody asks about", () => {
  it("is told as it was: batches, what happened to it, where the answer came from", () => {
    const { explain, begin, wait } = anExplain();
    const story = begin("a");
    wait(2);
    story?.dispatched(batch);
    wait(1);
    story?.noted("the execution on device u50-0 failed: clFinish: -5");
    story?.dispatched({ ...batch, device: "u50-1" });
    story?.answered(new Map([["beamgate_generation", { type: "int64", value: 2n ** 60n }]]));
    wait(500);
    expect(explain.explain("a", everything)).toEqual({
      id: "a",
      receivedAt: "2026-01-01T00:00:01.000Z",
      tenant: "cms",
      model: "jets",
      version: "",
      outcome: "answered",
      origin: { beamgate_generation: "1152921504606846976" },
      timeline: {},
      batches: [
        { atUs: 2000, ...batch },
        { atUs: 3000, ...batch, device: "u50-1" },
      ],
      notes: [{ atUs: 3000, what: "the execution on device u50-0 failed: clFinish: -5" }],
    });
  });

  it("shows the steps of an ensemble in it", () => {
    const { explain, begin } = anExplain();
    const story = begin("a");
    story?.step("prepare", "1", newTimeline(1))?.dispatched(batch);
    story?.failed("UNAVAILABLE: no");
    const told = explain.explain("a", everything);
    expect(told).toMatchObject({ outcome: "failed", failure: "UNAVAILABLE: no" });
    expect(told?.steps).toMatchObject([{ model: "prepare", batches: [{ device: "u50-0" }] }]);
  });

  it("is the newest of its id, and any of a bundle of a stream", () => {
    const { explain, begin } = anExplain({ requests: 9 });
    begin("a")?.failed("first");
    begin("", ["p", "q"])?.failed("bundle");
    begin("a")?.failed("second");
    expect(explain.explain("a", everything)?.failure).toBe("second");
    expect(explain.explain("q", everything)).toMatchObject({ failure: "bundle", bundled: 2 });
    expect(explain.explain("r", everything)).toBeUndefined();
  });

  it("is the newest that the one who asks may see, where tenants use the same ids", () => {
    const { explain, begin } = anExplain();
    begin("a")?.failed("of cms");
    begin("a", undefined, "atlas")?.failed("of atlas");
    const as = (name: string) => explain.explain("a", (tenant) => tenant === name)?.failure;
    expect([as("cms"), as("atlas"), as("lhcb")]).toEqual(["of cms", "of atlas", undefined]);
  });

  it("is forgotten when enough newer ones came, those of a bundle counted one by one", () => {
    const { explain, begin } = anExplain({ requests: 4 });
    for (const id of ["a", "b", "c"]) begin(id);
    begin("", ["p", "q"]);
    expect(["a", "b", "c", "p", "q"].filter((id) => explain.explain(id, everything))).toEqual([
      "b",
      "c",
      "p",
      "q",
    ]);
    expect(explain.size).toBe(4);
    for (const id of ["d", "e", "f", "g", "h"]) begin(id);
    expect(["c", "p", "d", "e", "h"].filter((id) => explain.explain(id, everything))).toEqual([
      "e",
      "h",
    ]);
  });

  it("is not kept without an id, with a huge one, or where it is not among the samples", () => {
    expect(anExplain().begin("")).toBeUndefined();
    expect(anExplain().begin("x".repeat(257))).toBeUndefined();
    expect(anExplain({ requests: 2 }).begin("", ["a", "b", "c"])).toBeUndefined();
    expect(anExplain({ share: 0.5, random: () => 0.5 }).begin("a")).toBeUndefined();
    expect(anExplain({ share: 0.5, random: () => 0.4 }).begin("a")).toBeDefined();
  });
});

describe("the memory of it", () => {
  it("has a bound, whatever clients and models say", () => {
    const { explain, begin } = anExplain({ requests: 50 });
    const candidates = [{ name: "cpu" }] as never;
    const tell = (id: string) => {
      // Flat, and each its own.
      const huge = (i: number) => Buffer.alloc(10_000, 65 + (i % 60)).toString("latin1");
      const story = begin(id);
      for (let i = 0; i < 100; i++) {
        story?.noted(huge(i));
        story?.dispatched(batch);
        story?.routed({ variant: "cpu", why: "-", wish: { variant: huge(i) }, candidates });
        story?.step("m", "1", newTimeline(1))?.failed(huge(i));
      }
      story?.failed(huge(0));
    };
    const idOf = (number: number) => `${number}`.padEnd(200, "x");
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 500; i++) tell(idOf(i));
    collect();
    const keptBytes = process.memoryUsage().heapUsed - before;
    expect(explain.size).toBe(50);
    // 16 notes, 16 wishes and 64 steps of 1 kB each at most, and what objects cost.
    expect(keptBytes).toBeLessThan(50 * 250e3);
    expect(explain.explain(idOf(499), everything)?.notes).toHaveLength(16);
    expect(explain.explain(idOf(449), everything)).toBeUndefined();
  });
});
