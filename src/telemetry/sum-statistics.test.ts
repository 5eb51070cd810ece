import { describe, expect, it } from "vitest";
import { ModelCounters } from "./model-counters.ts";
import { modelStatistics } from "./statistics.ts";
import { sumStatistics } from "./sum-statistics.ts";

function counted(times: number, rows: number) {
  const counters = new ModelCounters("jets", "1");
  counters.success.add(1_000, times);
  counters.queue.add(10, times);
  counters.inferenceCount = times * rows;
  counters.executionCount = times;
  counters.lastInferenceMs = 1_000 + times;
  const batch = { input: counters.queue, infer: counters.success, output: counters.queue };
  counters.batches.set(rows, batch);
  return modelStatistics(counters);
}

describe("statistics of several gateways", () => {
  it("are those of one where there is one", () => {
    expect(sumStatistics("jets", "1", [counted(3, 2)])).toEqual(counted(3, 2));
  });

  it("are zeros where there is none", () => {
    const zeros = modelStatistics(new ModelCounters("jets", "1"));
    expect(sumStatistics("jets", "1", [])).toEqual(zeros);
  });

  it("add up, but for the time of the last inference; batches by their size", () => {
    const sum = sumStatistics("jets", "1", [counted(3, 16), counted(4, 2), counted(5, 16)]);
    expect(sum).toMatchObject({
      last_inference: "1005",
      inference_count: String(3 * 16 + 4 * 2 + 5 * 16),
      execution_count: "12",
      inference_stats: { success: { count: "12", ns: "12000" }, queue: { count: "12", ns: "120" } },
    });
    expect(sum.batch_stats).toMatchObject([
      { batch_size: "2", compute_infer: { count: "4", ns: "4000" } },
      { batch_size: "16", compute_infer: { count: "8", ns: "8000" } },
    ]);
  });

  it("keep every digit", () => {
    const huge = { ...counted(1, 1), inference_count: "9007199254740993" };
    const sum = sumStatistics("jets", "1", [huge, huge]);
    expect(sum.inference_count).toBe("18014398509481986");
  });

  it("take nothing for a number that is none", () => {
    const strange = { inference_count: "-7", execution_count: 3 } as object;
    expect(sumStatistics("jets", "1", [strange, counted(2, 1)])).toMatchObject({
      inference_count: "2",
      execution_count: "2",
      inference_stats: { success: { count: "2" } },
    });
  });

  it("add up the responses of a decoupled model by their index", () => {
    const counters = new ModelCounters("llm", "1");
    const one = new ModelCounters("llm", "1").success;
    one.add(5, 2);
    const responses = Object.fromEntries(
      ["computeInfer", "computeOutput", "success", "fail", "emptyResponse", "cancel"].map(
        (kind) => [kind, one],
      ),
    );
    counters.responses.set(0, responses as never);
    const given = modelStatistics(counters);
    const sum = sumStatistics("llm", "1", [given, given]);
    const twice = { count: "4", ns: "20" };
    expect(Object.keys(sum.response_stats)).toEqual(["0"]);
    for (const kind of Object.values(sum.response_stats["0"] ?? {})) expect(kind).toEqual(twice);
  });
});
