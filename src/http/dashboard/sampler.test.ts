import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import type { Sample, Snapshot } from "../../inference/dashboard-report.ts";
import { Sampler } from "./sampler.ts";

const SECOND = 1_000;

function sampled(models = 0) {
  const clock = new VirtualClock();
  const sample = async (): Promise<Sample> => ({
    ...{ atMs: clock.now(), clockMs: clock.now() },
    ...{ version: "1.0.0", authenticated: true, ready: true, termsGeneration: 0 },
    cluster: { redis: "off", listAgeSeconds: 0, gateways: [] },
    index: Array.from({ length: models }, (_, at) => ({
      ...{ name: `m${at}`, version: "1", state: "READY", reason: "" },
    })),
    ...{ models: [], latencies: [], variants: [], drift: [], workers: [], devices: [] },
    ...{ tenants: [], tenantTime: [], waiting: [], reservations: [] },
  });
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const sampler = new Sampler({ sample, clock, log });
  const shown: Snapshot[] = [];
  const look = () => sampler.watch((snapshot) => shown.push(snapshot));
  const end = look();
  return { clock, sampler, shown, look, end };
}

describe("rates", () => {
  const spans = (shown: readonly Snapshot[]) => shown.map(({ seconds }) => seconds);

  it("are means over a few seconds", async () => {
    const { clock, shown } = sampled();
    await clock.advance(20 * SECOND);
    expect(spans(shown).slice(0, 3)).toEqual([undefined, 0.5, 1]);
    expect(shown.at(-1)?.seconds).toBe(3.5);
  });

  it("are means over a pause once, where nobody looked for a while, and over what came since then", async () => {
    const { clock, shown, look, end } = sampled();
    await clock.advance(20 * SECOND);
    end();
    await clock.advance(10 * SECOND);
    shown.length = 0;
    look();
    await clock.advance(2 * SECOND);
    expect(spans(shown)).toEqual([10.5, 0.5, 1, 1.5]);
  });

  it("are none after a long pause", async () => {
    const { clock, shown, look, end } = sampled();
    await clock.advance(20 * SECOND);
    end();
    await clock.advance(600 * SECOND);
    shown.length = 0;
    look();
    await clock.advance(2 * SECOND);
    expect(spans(shown)).toEqual([undefined, 0.5, 1, 1.5]);
  });
});

describe("a snapshot that somebody asked for by its id", () => {
  it("is kept while others take the place of those that nobody asked for", async () => {
    const { clock, sampler, shown } = sampled();
    await clock.advance(2 * SECOND);
    const [first, second] = shown;
    expect(sampler.withId(first?.id ?? 0)?.snapshot).toBe(first);
    await clock.advance(300 * SECOND);
    expect(sampler.withId(first?.id ?? 0)?.snapshot).toBe(first);
    expect(sampler.withId(second?.id ?? 0)).toBeUndefined();
  });

  it("takes the place of the one that was asked for longest ago", async () => {
    const { clock, sampler, shown } = sampled();
    await clock.advance(20 * SECOND);
    const ids = shown.map(({ id }) => id).slice(0, 33);
    for (const id of ids) sampler.withId(id);
    await clock.advance(300 * SECOND);
    expect(ids.map((id) => sampler.withId(id) !== undefined)).toEqual([
      false,
      ...Array(32).fill(true),
    ]);
  });

  it("has with it what charts are drawn from: no more than was known then", async () => {
    const { clock, sampler, shown } = sampled();
    await clock.advance(10 * SECOND);
    const before = shown.slice(0, 7);
    const { points = [] } = sampler.withId(before.at(-1)?.id ?? 0) ?? {};
    expect(points.map(({ at }) => at)).toEqual(before.map(({ at }) => at));
    expect(points[3]).toEqual({
      at: before[3]?.at,
      seconds: before[3]?.seconds,
      total: before[3]?.total,
    });
  });

  it("is kept for less long where there are thousands of models; what charts are drawn from is not", async () => {
    const { clock, sampler, shown } = sampled(10_000);
    await clock.advance(10 * SECOND);
    const kept = shown.filter(({ id }) => sampler.withId(id) !== undefined);
    expect(kept).toEqual(shown.slice(-5));
    expect(sampler.withId(shown.at(-1)?.id ?? 0)?.points).toHaveLength(shown.length);
    await clock.advance(10 * SECOND);
    // Of those that were asked for as many stay as there is room for.
    expect(kept.filter(({ id }) => sampler.withId(id) !== undefined)).toHaveLength(5);
  });

  it("is none where the id is of no snapshot", () => {
    const { sampler } = sampled();
    for (const id of [0, -1, 4711, Number.NaN]) expect(sampler.withId(id)).toBeUndefined();
  });
});
