import { describe, expect, it } from "vitest";
import type { Tenant } from "../inference/caller.ts";
import { ANYBODY, DEFAULT_TENANT } from "../inference/caller.ts";
import type { FailureReason, RequestOutcome } from "../inference/outcome.ts";
import type { ModelSignature } from "../inference/request.ts";
import { mulberry32 } from "../inference/seeded-random.ts";
import { RequestSamples } from "./request-samples.ts";

const signature = { name: "jets", version: "2" } as ModelSignature;
const everything = () => true;

function sampling(random = () => 0.99) {
  let nowMs = 10_000;
  const samples = new RequestSamples({
    now: () => nowMs,
    wallMs: () => Date.UTC(2026, 0, 1) + nowMs,
    random,
  });
  const end = (
    id: string,
    {
      tookMs = 4,
      tenant,
      failure,
      queued = true,
    }: { tookMs?: number; tenant?: Tenant; failure?: FailureReason; queued?: boolean } = {},
  ) => {
    const received = nowMs - tookMs;
    const outcome = {
      signature,
      rows: 3,
      timeline: {
        ...{ received, queued: queued ? received + 1 : 0 },
        ...{ dispatched: queued ? received + 2 : 0, answered: nowMs },
      },
      failure,
      execution: queued ? { inputUs: 10, inferUs: 500, outputUs: 10 } : undefined,
      request: { id },
      ...(queued && { batchRows: 9, device: { id: "u50-0" } }),
      ...(tenant && { caller: { ...ANYBODY, tenant } }),
    };
    samples.ended(outcome as RequestOutcome);
  };
  const wait = (ms: number) => {
    nowMs += ms;
  };
  const ids = (after = 0) => samples.newest(after, everything).requests.map(({ id }) => id);
  return { samples, end, wait, ids };
}

describe("requests while somebody looks", () => {
  it("are told with where their time went", () => {
    const { samples, end, wait } = sampling();
    samples.newest(0, everything);
    end("a");
    wait(600);
    expect(samples.newest(0, everything)).toEqual({
      last: 1,
      requests: [
        {
          ...{ seq: 1, id: "a", at: "2026-01-01T00:00:09.996Z", model: "jets", version: "2" },
          ...{ tenant: "default", outcome: "answered", rows: 3, batchRows: 9, device: "u50-0" },
          ...{ slowest: true, totalUs: 4000, wireUs: 1000, queueUs: 1000, batchUs: 1500 },
          computeUs: 500,
        },
      ],
    });
  });

  it("that reached no queue were on the wire all the time", () => {
    const { samples, end, wait } = sampling();
    samples.newest(0, everything);
    end("a", { queued: false, failure: "REJECTED" });
    wait(600);
    const [one] = samples.newest(0, everything).requests;
    expect(one).toMatchObject({ outcome: "rejected", totalUs: 4000, wireUs: 4000 });
    expect(one).not.toHaveProperty("queueUs");
  });

  it("are bounded, and the slowest and some that failed are among them", () => {
    const { samples, end, wait, ids } = sampling();
    samples.newest(0, everything);
    for (let at = 0; at < 1_000; at += 1) end(`${at}`, { tookMs: at === 500 ? 90 : 4 });
    for (let at = 0; at < 10; at += 1) end(`failed ${at}`, { failure: "BACKEND" });
    wait(600);
    const told = ids();
    expect(told.length).toBe(8 + 1 + 4);
    expect(told).toContain("500");
    expect(told.filter((id) => id.startsWith("failed"))).toHaveLength(4);
    for (let span = 0; span < 200; span += 1) {
      for (let at = 0; at < 20; at += 1) end("more");
      wait(600);
      ids();
    }
    expect(ids()).toHaveLength(1_024);
  });

  it("are chosen with the same chance, whenever they end", () => {
    const { samples, end, wait } = sampling(mulberry32(7));
    const perTenth = new Float64Array(10);
    let last = 0;
    for (let span = 0; span < 400; span += 1) {
      samples.newest(last, everything);
      // The first is the slowest.
      for (let at = -1; at < 200; at += 1) end(`${at}`, { tookMs: at < 0 ? 90 : 4 });
      wait(600);
      const told = samples.newest(last, everything);
      last = told.last;
      for (const { id } of told.requests) {
        const tenth = Math.floor(Number(id) / 20);
        if (tenth >= 0) perTenth[tenth] = (perTenth[tenth] ?? 0) + 1;
      }
    }
    expect(perTenth.reduce((sum, count) => sum + count)).toBe(400 * 8);
    // 320 each, with a standard deviation of 17.
    expect(Math.min(...perTenth)).toBeGreaterThan(320 - 4 * 17);
    expect(Math.max(...perTenth)).toBeLessThan(320 + 4 * 17);
  });

  it("of a tenant that asks little are not lost among those of one that asks much", () => {
    const { samples, end, wait } = sampling();
    samples.newest(0, everything);
    const quiet = { ...DEFAULT_TENANT, name: "quiet", index: 1 };
    for (let at = 0; at < 500; at += 1) end(`${at}`);
    end("one", { tenant: quiet });
    end("two", { tenant: quiet, tookMs: 9 });
    wait(600);
    const own = samples.newest(0, (tenant) => tenant === "quiet").requests;
    expect(own.map(({ id }) => id).toSorted()).toEqual(["one", "two"]);
  });

  it("are told once to whoever says which he knows", () => {
    const { samples, end, wait, ids } = sampling();
    samples.newest(0, everything);
    end("a");
    wait(600);
    const { last } = samples.newest(0, everything);
    end("b");
    wait(600);
    expect([ids(last), ids()]).toEqual([["b"], ["a", "b"]]);
  });

  it("are not kept while nobody looks", () => {
    const { end, wait, ids } = sampling();
    end("before anybody looked");
    wait(600);
    expect(ids()).toEqual([]);
    wait(5_001);
    end("after he went");
    wait(600);
    expect(ids()).toEqual([]);
  });

  it("with long ids are cut off", () => {
    const { samples, end, wait, ids } = sampling();
    samples.newest(0, everything);
    end("x".repeat(10_000));
    wait(600);
    expect(ids()[0]?.length).toBeLessThan(600);
  });
});
