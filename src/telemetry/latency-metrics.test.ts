import { describe, expect, it } from "vitest";
import { wholePage } from "../../test/support/metrics.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import { ModelAccount } from "./account.ts";
import { latencies } from "./latency-metrics.ts";
import { createMetrics } from "./metrics.ts";

const off = { summaryLatencies: false, histogramLatencies: false, summaryQuantiles: ["0.5:0.05"] };
const outcome: RequestOutcome = {
  signature: {
    name: "jets",
    version: "1",
    maxBatchSize: 8,
    inputs: [],
    outputs: [],
    decoupled: false,
    reproducible: false,
  },
  rows: 1,
  timeline: { received: 100, queued: 101, dispatched: 103, answered: 250 },
  failure: undefined,
  execution: { inputUs: 10, inferUs: 100, outputUs: 5 },
};

async function scrape(options: Partial<typeof off>, outcomes: RequestOutcome[]): Promise<string> {
  const counted = new ModelAccount();
  const { metrics, watching } = latencies({ ...off, ...options });
  const account = watching(counted);
  for (const one of outcomes) account.request(one);
  return wholePage(createMetrics({ models: () => counted.all(), latencies: metrics }).page());
}

describe("latencies", () => {
  it("are only sums unless more is switched on, and then cost nothing", async () => {
    const account = new ModelAccount();
    expect(latencies(off).watching(account)).toBe(account);
    const text = await scrape({}, [outcome]);
    expect(text).toContain("nv_inference_request_duration_us");
    expect(text).not.toMatch(/summary_us|histogram_ms/);
  });

  it("are told as quantiles of successful requests", async () => {
    const failed = {
      ...outcome,
      failure: "BACKEND",
      timeline: { ...outcome.timeline, answered: 9e9 },
    };
    const text = await scrape({ summaryLatencies: true }, [outcome, failed as RequestOutcome]);
    expect(text).toContain(
      'nv_inference_request_summary_us{quantile="0.5",model="jets",version="1"} 150000',
    );
    expect(text).toContain('nv_inference_request_summary_us_count{model="jets",version="1"} 1');
    expect(text).toContain('nv_inference_queue_summary_us_sum{model="jets",version="1"} 2000');
    expect(text).toContain(
      'nv_inference_compute_infer_summary_us{quantile="0.5",model="jets",version="1"} 100',
    );
  });

  it("are told as a histogram of the time to the first response", async () => {
    const text = await scrape({ histogramLatencies: true }, [outcome]);
    expect(text).toMatch(/histogram_ms_bucket\{le="100",model="jets",version="1"\} 0/);
    expect(text).toMatch(/histogram_ms_bucket\{le="500",model="jets",version="1"\} 1/);
    expect(text).toContain(
      'nv_inference_first_response_histogram_ms_sum{model="jets",version="1"} 150',
    );
  });
});
