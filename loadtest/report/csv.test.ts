import { expect, it } from "vitest";
import { examplePoint } from "../../test/support/loadtest-result.ts";
import { perfAnalyzerCsv } from "./csv.ts";

it("the table has perf_analyzer's columns, in µs, sorted by throughput", () => {
  const { split: _, ...untold } = examplePoint({ concurrency: 4, rowsPerSecond: 10 });
  const csv = perfAnalyzerCsv([examplePoint({ concurrency: 8 }), untold]);
  const [head, first, second] = csv.trimEnd().split("\n");
  expect(head).toBe(
    "Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,Server Compute Input," +
      "Server Compute Infer,Server Compute Output,Client Recv,p50 latency,p90 latency,p95 latency,p99 latency",
  );
  expect(first).toMatch(/^4,10\.0000,0,\d{4},0,0,0,0,0,/);
  expect(second).toMatch(/^8,2991\.0000,0,440,310,20,420,10,0,\d+,\d+,\d+,\d+$/);
});
