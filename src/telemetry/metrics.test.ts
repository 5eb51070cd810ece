import { describe, expect, it } from "vitest";
import { wholePage } from "../../test/support/metrics.ts";
import type { ModelSignature } from "../inference/request.ts";
import { ModelAccount } from "./account.ts";
import { createMetrics } from "./metrics.ts";
import { StageTimes } from "./stage-times.ts";

const signature = (name: string): ModelSignature => ({
  name,
  version: "1",
  maxBatchSize: 8,
  inputs: [],
  outputs: [],
  decoupled: false,
  reproducible: false,
});

function setUp(name = "jets") {
  const stages = new StageTimes();
  const account = new ModelAccount(Date.now, stages);
  const jets = signature(name);
  const metrics = createMetrics({
    models: () => account.all(),
    histograms: stages.families(),
    others: [
      {
        name: "beamgate_grpc_connections",
        help: "Open connections",
        type: "gauge",
        labels: [],
        read: () => [{ labels: {}, value: 7 }],
      },
    ],
  });
  return { account, jets, metrics };
}

const STAGE = 'model="jets",version="1",tenant="default",device=""';
const timing = { inputUs: 10, inferUs: 100, outputUs: 5 };
const timeline = { received: 100, queued: 101, dispatched: 103, answered: 110 };

describe("what Prometheus reads after a batch of two and a failure", async () => {
  const { account, jets, metrics } = setUp();
  account.loaded(jets, { loadSeconds: 1.5, batchInvariant: true });
  account.execution({ signature: jets, rows: 3, timing });
  for (const rows of [1, 2]) {
    account.request({ signature: jets, rows, timeline, failure: undefined, execution: timing });
  }
  account.request({
    signature: jets,
    rows: 1,
    timeline,
    failure: "CANCELED",
    execution: undefined,
  });
  account.pending(jets, 1);
  account.pending(jets, 1);
  account.pending(jets, -1);
  account.lost(jets, true);
  await wholePage(metrics.page());
  const text = await wholePage(metrics.page()); // reading twice counts nothing twice

  it.each([
    ['nv_inference_request_success{model="jets",version="1"}', 2],
    ['nv_inference_request_failure{model="jets",version="1",reason="CANCELED"}', 1],
    ['nv_inference_request_failure{model="jets",version="1",reason="REJECTED"}', 0],
    ['nv_inference_count{model="jets",version="1"}', 3],
    ['nv_inference_exec_count{model="jets",version="1"}', 1],
    ['nv_inference_request_duration_us{model="jets",version="1"}', 20_000],
    ['nv_inference_queue_duration_us{model="jets",version="1"}', 4000],
    ['nv_inference_compute_input_duration_us{model="jets",version="1"}', 20],
    ['nv_inference_compute_infer_duration_us{model="jets",version="1"}', 200],
    ['nv_inference_compute_output_duration_us{model="jets",version="1"}', 10],
    ['nv_inference_pending_request_count{model="jets",version="1"}', 1],
    ['nv_model_load_duration_secs{model="jets",version="1"}', 1.5],
    ['beamgate_model_batch_invariant{model="jets",version="1"}', 1],
    ['beamgate_lost_batches{model="jets",version="1",phase="executing"}', 1],
    [`beamgate_queue_seconds_bucket{${STAGE},le="0.001"}`, 0],
    [`beamgate_queue_seconds_bucket{${STAGE},le="0.0025"}`, 2],
    [`beamgate_queue_seconds_bucket{${STAGE},le="+Inf"}`, 2],
    [`beamgate_queue_seconds_count{${STAGE}}`, 2],
    ["beamgate_grpc_connections", 7],
  ])("has %s %d", (series, value) => {
    expect(text.split("\n")).toContain(`${series} ${value}`);
  });

  it("has the queue time's sum in seconds", () => {
    const sum = /^beamgate_queue_seconds_sum\{[^}]*\} (.*)$/m.exec(text)?.[1];
    expect(Number(sum)).toBeCloseTo(0.004);
  });

  it("describes the process, too", () => {
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(text).toMatch(/^# TYPE beamgate_queue_seconds histogram$/m);
    expect(text).toMatch(/^# TYPE nv_inference_count counter$/m);
  });
});

describe("a model with a hostile name", () => {
  it("stays inside its label", async () => {
    const { account, jets, metrics } = setUp('a"} 1\nforged{x="\\');
    account.loaded(jets, { loadSeconds: 1, batchInvariant: undefined });
    const lines = (await wholePage(metrics.page())).split("\n");
    expect(lines.filter((line) => line.startsWith("forged"))).toEqual([]);
    const series = 'nv_inference_count{model="a\\"} 1\\nforged{x=\\"\\\\",version="1"} 0';
    expect(lines).toContain(series);
    expect(lines.some((line) => line.startsWith("beamgate_model_batch_invariant{"))).toBe(false);
  });
});
