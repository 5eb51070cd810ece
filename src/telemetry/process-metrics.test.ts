import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { collectDefaultMetrics, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { wholePage } from "../../test/support/metrics.ts";
import { page } from "./exposition/page.ts";
import { processMetrics } from "./process-metrics.ts";

const { metrics, histograms } = processMetrics();
const text = () =>
  wholePage({ pieces: page({ metrics: [...metrics, ...histograms], kept: [] }, "text") });
const figure = (page: string, series: string) => {
  const line = page.split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
};

describe("the process's own metrics", () => {
  it("have the names and types that prom-client gives them, so that no dashboard changes", async () => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const typesOf = (page: string) =>
      page
        .split("\n")
        .filter((line) => line.startsWith("# TYPE "))
        .toSorted();
    expect(typesOf(await text())).toEqual(typesOf(await registry.metrics()));
  });

  it("count files when they are opened and closed", async () => {
    const before = figure(await text(), "process_open_fds") ?? 0;
    const files = Array.from({ length: 20 }, () => openSync("/dev/null", "r"));
    expect((figure(await text(), "process_open_fds") ?? 0) - before).toBe(20);
    for (const file of files) closeSync(file);
  });

  it("count what keeps the process alive, by type", async () => {
    const servers = Array.from({ length: 3 }, () => createServer().listen(0, "127.0.0.1"));
    await Promise.all(servers.map((server) => once(server, "listening")));
    const before = await text();
    const handles = figure(before, 'nodejs_active_handles{type="Server"}') ?? 0;
    expect(handles).toBeGreaterThanOrEqual(3);
    expect(figure(before, "nodejs_active_handles_total")).toBeGreaterThanOrEqual(handles);
    for (const server of servers) server.close();
  });

  it("say what memory and CPU time were used", async () => {
    const page = await text();
    const status = process.memoryUsage();
    const resident = figure(page, "process_resident_memory_bytes") ?? 0;
    expect(resident / status.rss).toBeGreaterThan(0.5);
    expect(resident / status.rss).toBeLessThan(2);
    const parts = ["user", "system"].map((each) =>
      figure(page, `process_cpu_${each}_seconds_total`),
    );
    const [user = 0, system = 0] = parts;
    expect(figure(page, "process_cpu_seconds_total")).toBeCloseTo(user + system, 5);
    expect(user).toBeGreaterThan(0);
  });
});
