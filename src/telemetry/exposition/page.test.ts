import { Gauge } from "prom-client";
import { describe, expect, it } from "vitest";
import { wholePage } from "../../../test/support/metrics.ts";
import { Buckets } from "../buckets.ts";
import type { ReadHistogram, ReadMetric } from "./families.ts";
import { formatFor } from "./format.ts";
import { page } from "./page.ts";

const counter = (name: string, labels: Readonly<Record<string, string>> = {}): ReadMetric => ({
  ...{ name, help: "of a test", type: "counter", labels: Object.keys(labels) },
  read: () => [{ labels, value: 3 }],
});
const written = (
  metrics: readonly (ReadMetric | ReadHistogram)[],
  format: "text" | "openmetrics",
) => wholePage({ pieces: page({ metrics, kept: [] }, format) });

describe("which format a scraper gets", () => {
  it.each([
    [undefined, "text"],
    ["*/*", "text"],
    ["text/plain", "text"],
    ["application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "openmetrics"],
    ["application/openmetrics-text;q=0.2, text/plain", "text"],
    ["application/openmetrics-text;q=0", "text"],
    ["APPLICATION/OpenMetrics-Text", "openmetrics"],
    ["application/openmetrics-text;q=x", "text"],
  ])("%s: %s", (accept, format) => expect(formatFor(accept)).toBe(format));
});

describe("a counter", () => {
  it("keeps the name of its samples in both formats", async () => {
    const metrics = [counter("beamgate_rows_total"), counter("nv_inference_count")];
    expect(await written(metrics, "text")).toBe(
      "# HELP beamgate_rows_total of a test\n# TYPE beamgate_rows_total counter\nbeamgate_rows_total 3\n" +
        "# HELP nv_inference_count of a test\n# TYPE nv_inference_count counter\nnv_inference_count 3\n",
    );
    expect(await written(metrics, "openmetrics")).toBe(
      "# HELP beamgate_rows of a test\n# TYPE beamgate_rows counter\nbeamgate_rows_total 3\n" +
        "# HELP nv_inference_count of a test\n# TYPE nv_inference_count unknown\nnv_inference_count 3\n# EOF\n",
    );
  });
});

describe("what people write into names", () => {
  it.each([
    ["a quote", 'a"} 1\nforged{x="', 'a\\"} 1\\nforged{x=\\"'],
    ["a backslash", "a\\n", "a\\\\n"],
    ["ANSI", "\u001b[31mred\u009b", "\ufffd[31mred\ufffd"],
    ["a carriage return and NUL", "a\r\u0000b", "a\ufffd\ufffdb"],
    ["what turns the order of letters", "a\u202eb\u2028", "a\ufffdb\ufffd"],
    ["markup", "<script>alert(1)</script>", "<script>alert(1)</script>"],
  ])("%s stays inside its label", async (_what, name, label) => {
    const text = await written([counter("rows_total", { model: name })], "text");
    expect(text.split("\n").slice(2)).toEqual([`rows_total{model="${label}"} 3`, ""]);
  });
});

describe("a histogram that is read twice", () => {
  const buckets = new Buckets([1, 2]);
  const labels = { model: "jets" };
  const histogram: ReadHistogram = {
    ...{ name: "took_seconds", help: "of a test", type: "histogram" },
    series: () => [{ labels, buckets }],
  };
  const lines = async () => (await written([histogram], "text")).split("\n").slice(2, -1);

  it("tells what came in between", async () => {
    buckets.observe(1.5);
    const before = await lines();
    expect(before).toEqual([
      'took_seconds_bucket{model="jets",le="1"} 0',
      'took_seconds_bucket{model="jets",le="2"} 1',
      'took_seconds_bucket{model="jets",le="+Inf"} 1',
      'took_seconds_sum{model="jets"} 1.5',
      'took_seconds_count{model="jets"} 1',
    ]);
    expect(await lines()).toEqual(before);
    expect(await lines()).toEqual(before);
    buckets.observe(0.5);
    buckets.observe(0.5);
    expect(await lines()).toContain('took_seconds_bucket{model="jets",le="1"} 2');
  });
});

describe("metrics that prom-client keeps", () => {
  it("are on the page, too", async () => {
    const gauge = new Gauge({ name: "kept", help: "h", labelNames: ["of"], registers: [] });
    gauge.set({ of: "x" }, 2);
    const text = await wholePage({ pieces: page({ metrics: [], kept: [gauge] }, "text") });
    expect(text).toBe('# HELP kept h\n# TYPE kept gauge\nkept{of="x"} 2\n');
  });
});

describe("a page of 200 models and 20 tenants", () => {
  it("comes in pieces, and the event loop turns after each 64 KiB", async () => {
    const series = Array.from({ length: 4000 }, (_, at) => ({
      labels: { model: `model-${at % 200}`, tenant: `tenant-${at % 20}` },
      value: at,
    }));
    let read = 0;
    const gauge: ReadMetric = {
      ...{ name: "rows", help: "of a test", type: "gauge", labels: [] },
      *read() {
        for (const sample of series) {
          read += 1;
          yield sample;
        }
      },
    };
    const readAtPauses: number[] = [];
    const pause = async () => readAtPauses.push(read);
    const metrics = Array.from({ length: 10 }, () => gauge);
    const lengths: number[] = [];
    for await (const piece of page({ metrics, kept: [] }, "text", pause))
      lengths.push(piece.length);
    expect(read).toBe(40_000);
    expect(lengths.length).toBeGreaterThan(10);
    expect(Math.max(...lengths)).toBeLessThan(65 * 1024);
    expect(readAtPauses).toHaveLength(lengths.length - 1);
    const between = readAtPauses.map((at, k) => at - (readAtPauses[k - 1] ?? 0));
    // Lines have 40 characters or more.
    expect(Math.max(...between)).toBeLessThan((65 * 1024) / 40);
  });
});
