/**
 * What being watched costs: a gateway whose metrics are scraped every second (ten times as often as usual) and that
 * traces 1 % of the requests to a collector, against one that does neither. CPU of the gateways' own processes.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setInterval } from "node:timers";
import { type GatewayUnderTest, startGateway } from "../../support/gateway.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const GOAL = 1.04;
const ROUNDS = 12;
const SLICE_S = 1.5;
const SCRAPE_MS = 1_000;

/** Takes what it is sent, and counts how often. */
async function startCollector() {
  let exports = 0;
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      exports += 1;
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    exports: () => exports,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export async function observability(setting: Setting): Promise<BenchResult> {
  const { client, repository, pace } = setting;
  const collector = await startCollector();
  const trace = [
    ...["mode=opentelemetry", `opentelemetry,url=${collector.url}`],
    ...["level=TIMESTAMPS", "rate=100"],
  ];
  const gateways: GatewayUnderTest[] = [];
  const start = async (flags: readonly string[]) => {
    const gateway = await startGateway({ repository, flags });
    gateways.push(gateway);
    return gateway;
  };
  let scrapes = 0;
  let scraping: NodeJS.Timeout | undefined;
  try {
    const watched = await start(trace.flatMap((words) => ["--trace-config", words]));
    const alone = await start(["--metrics-max-stage-series", "0"]);
    const scrape = async () => {
      await (await fetch(`http://127.0.0.1:${watched.metricsPort}/metrics`)).arrayBuffer();
      scrapes += 1;
    };
    scraping = setInterval(() => void scrape().catch(() => undefined), SCRAPE_MS);
    const load = {
      body: setting.requestFile(1),
      ...{ concurrency: 64, connections: 4, warmupS: pace.warmupS, seconds: SLICE_S },
    };
    const result = await ratioBench({
      name: "observability",
      measures: "gateway CPU s per 1000 requests, scraped and traced at 1 % ÷ neither",
      goal: { kind: "at most", value: GOAL },
      rounds: ROUNDS,
      subject: served(watched),
      client,
      load,
      control: () => client(served(alone), load),
      controlServer: served(alone),
      subjectValue: ({ cpu }) => cpu.server,
      controlValue: ({ cpu }) => cpu.server,
      controlErrors: (slice) => slice.errors,
      figures: (slices, controls) => ({
        "requests/s, watched": median(slices.map((slice) => slice.requestsPerSecond)),
        "requests/s, alone": median(controls.map((slice) => slice.requestsPerSecond)),
        "CPU s per 1000, alone": median(controls.map(({ cpu }) => cpu.server)),
      }),
    });
    const exports = collector.exports();
    if (scrapes === 0 || exports === 0) throw new Error(`${scrapes} scrapes, ${exports} exports`);
    return { ...result, figures: { ...result.figures, scrapes, "exports of spans": exports } };
  } finally {
    clearInterval(scraping);
    for (const gateway of gateways) await gateway.stop();
    await collector.stop();
  }
}
