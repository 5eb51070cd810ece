import { describe, expect, it } from "vitest";
import type { RequestOutcome } from "../inference/outcome.ts";
import type { ModelSignature } from "../inference/request.ts";
import { ModelAccount } from "./account.ts";
import { modelStatistics } from "./statistics.ts";

const signature = (name = "jets", version = "1"): ModelSignature => ({
  name,
  version,
  maxBatchSize: 8,
  inputs: [],
  outputs: [],
  decoupled: false,
  reproducible: false,
});

const timing = { inputUs: 10, inferUs: 100, outputUs: 5 };

const answered = (about: ModelSignature, more: Partial<RequestOutcome> = {}): RequestOutcome => ({
  signature: about,
  rows: 1,
  timeline: { received: 100, queued: 101, dispatched: 103, answered: 110 },
  failure: undefined,
  execution: timing,
  ...more,
});

describe("a batch of three requests", () => {
  const account = new ModelAccount(() => 1_700_000_000_000.5);
  const jets = signature();
  account.execution({ signature: jets, rows: 4, timing });
  for (const rows of [1, 1, 2]) account.request(answered(jets, { rows }));
  const statistics = modelStatistics(account.counters("jets", "1"));

  it("is one execution of four inferences", () => {
    expect(statistics).toMatchObject({ inference_count: "4", execution_count: "1" });
  });

  it("charges every request the time of the whole batch, as Triton does", () => {
    expect(statistics.inference_stats).toMatchObject({
      success: { count: "3", ns: "30000000" },
      queue: { count: "3", ns: "6000000" },
      compute_input: { count: "3", ns: "30000" },
      compute_infer: { count: "3", ns: "300000" },
      compute_output: { count: "3", ns: "15000" },
      fail: { count: "0", ns: "0" },
    });
  });

  it("counts under the batch's size, once", () => {
    expect(statistics.batch_stats).toEqual([
      {
        batch_size: "4",
        compute_input: { count: "1", ns: "10000" },
        compute_infer: { count: "1", ns: "100000" },
        compute_output: { count: "1", ns: "5000" },
      },
    ]);
  });

  it("says when, in whole ms since 1970", () => {
    expect(statistics.last_inference).toBe("1700000000000");
  });
});

describe("a request that stands for several", () => {
  it("counts as all of them", () => {
    const account = new ModelAccount();
    account.request(answered(signature(), { rows: 6, requests: 3 }));
    expect(modelStatistics(account.counters("jets", "1"))).toMatchObject({
      inference_count: "6",
      inference_stats: {
        success: { count: "3", ns: "30000000" },
        queue: { count: "3", ns: "6000000" },
        compute_infer: { count: "3", ns: "300000" },
      },
    });
    account.request(answered(signature(), { requests: 2, failure: "CANCELED" }));
    expect(modelStatistics(account.counters("jets", "1")).inference_stats.fail.count).toBe("2");
  });
});

describe("requests that fail", () => {
  it("count as failures by reason and as nothing else", () => {
    const account = new ModelAccount(() => 5);
    const jets = signature();
    account.request(answered(jets, { failure: "REJECTED", execution: undefined }));
    account.request(answered(jets, { failure: "BACKEND" }));
    const counters = account.counters("jets", "1");
    expect(counters.failures).toEqual({ REJECTED: 1, CANCELED: 0, BACKEND: 1, OTHER: 0 });
    expect(modelStatistics(counters)).toMatchObject({
      last_inference: "0",
      inference_count: "0",
      inference_stats: {
        fail: { count: "2", ns: "20000000" },
        success: { count: "0", ns: "0" },
        queue: { count: "0", ns: "0" },
      },
    });
  });

  it("before a stage was reached do not invent a time for it", () => {
    const account = new ModelAccount();
    const timeline = { received: 100, queued: 0, dispatched: 0, answered: 0 };
    account.request(answered(signature(), { timeline, failure: "OTHER", execution: undefined }));
    expect(account.counters("jets", "1").fail).toMatchObject({ count: 1, ns: { value: 0n } });
  });
});

describe("a version that is loaded again", () => {
  it("goes on counting where it was, although its signature is a new object", () => {
    const account = new ModelAccount();
    account.request(answered(signature()));
    account.request(answered(signature()));
    expect(account.counters("jets", "1").success.count).toBe(2);
  });
});

describe("models and versions", () => {
  it("are counted apart, whatever their names", () => {
    const account = new ModelAccount();
    for (const [name, version] of [
      ["a", "1"],
      ["a", "11"],
      ["a/1", "1"],
      ["__proto__", "1"],
    ] as const) {
      account.request(answered(signature(name, version)));
    }
    expect(
      [...account.all()].map(({ model, version, success }) => [model, version, success.count]),
    ).toEqual([
      ["a", "1", 1],
      ["a", "11", 1],
      ["a/1", "1", 1],
      ["__proto__", "1", 1],
    ]);
  });

  it("have statistics of zeros before their first request", () => {
    const statistics = modelStatistics(new ModelAccount().counters("new", "1"));
    expect(statistics).toMatchObject({
      name: "new",
      version: "1",
      execution_count: "0",
      batch_stats: [],
    });
  });
});

describe("batches of many sizes", () => {
  it("are listed in ascending order", () => {
    const account = new ModelAccount();
    for (const rows of [8, 1, 4, 1]) account.execution({ signature: signature(), rows, timing });
    const { batch_stats } = modelStatistics(account.counters("jets", "1"));
    expect(
      batch_stats.map(({ batch_size, compute_infer }) => [batch_size, compute_infer.count]),
    ).toEqual([
      ["1", "2"],
      ["4", "1"],
      ["8", "1"],
    ]);
  });
});
