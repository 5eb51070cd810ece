/**
 * What being watched costs: a gateway whose metrics are scraped every second (ten times as often as usual), that traces
 * 1 % of the requests to a collector and shows its dashboard to somebody, against one that does none of it. CPU of the
 * gateways' own processes. And each of it alone, to know where the cost is.
 */
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { setInterval } from "node:timers";
import { type GatewayUnderTest, startGateway } from "../../support/gateway.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const GOAL = 1.04;
const ROUNDS = 12;
const SLICE_S = 3;
const SCRAPE_MS = 1_000;

/** What a gateway is watched by. */
interface Watch {
  readonly stages?: boolean;
  readonly scraped?: boolean;
  readonly traced?: boolean;
  readonly shown?: boolean;
}

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

/** Somebody who looks at the dashboard. */
function lookAt({ httpPort }: GatewayUnderTest) {
  let bytes = 0;
  const request = get({
    ...{ host: "127.0.0.1", port: httpPort, path: "/v2/beamgate/dashboard/events" },
  });
  request.on("response", (response) => {
    response.on("data", (piece: Buffer) => {
      bytes += piece.byteLength;
    });
    response.on("error", () => undefined);
  });
  request.on("error", () => undefined);
  return { bytes: () => bytes, stop: () => request.destroy() };
}

async function watchedBench(setting: Setting, name: string, watch: Watch): Promise<BenchResult> {
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
  const unmeasured = ["--metrics-max-stage-series", "0"];
  let scrapes = 0;
  let scraping: NodeJS.Timeout | undefined;
  let viewer: ReturnType<typeof lookAt> | undefined;
  try {
    const watched = await start([
      ...(watch.traced ? trace.flatMap((words) => ["--trace-config", words]) : []),
      ...(watch.stages ? [] : unmeasured),
    ]);
    const alone = await start(unmeasured);
    const scrape = async () => {
      await (await fetch(`http://127.0.0.1:${watched.metricsPort}/metrics`)).arrayBuffer();
      scrapes += 1;
    };
    if (watch.scraped)
      scraping = setInterval(() => void scrape().catch(() => undefined), SCRAPE_MS);
    if (watch.shown) viewer = lookAt(watched);
    const load = {
      body: setting.requestFile(1),
      ...{ concurrency: 64, connections: 4, warmupS: pace.warmupS, seconds: SLICE_S },
    };
    const result = await ratioBench({
      name,
      measures: `gateway CPU s per 1000 requests, ${wordsOf(watch)} ÷ none of it`,
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
    const told = {
      ...(watch.scraped && { scrapes }),
      ...(watch.traced && { "exports of spans": collector.exports() }),
      ...(watch.shown && { "kB shown": (viewer?.bytes() ?? 0) / 1000 }),
    };
    for (const [what, count] of Object.entries(told)) {
      if (count === 0) throw new Error(`${name}: ${what} is 0`);
    }
    return { ...result, figures: { ...result.figures, ...told } };
  } finally {
    clearInterval(scraping);
    viewer?.stop();
    for (const gateway of gateways) await gateway.stop();
    await collector.stop();
  }
}

function wordsOf({ stages, scraped, traced, shown }: Watch): string {
  const words = [
    ...(stages ? ["stages observed"] : []),
    ...(scraped ? ["scraped"] : []),
    ...(traced ? ["traced at 1 %"] : []),
    ...(shown ? ["shown"] : []),
  ];
  return words.join(", ");
}

export const observability = (setting: Setting) =>
  watchedBench(setting, "observability", {
    ...{ stages: true, scraped: true, traced: true, shown: true },
  });
export const watchedByStages = (setting: Setting) =>
  watchedBench(setting, "watched-stages", { stages: true });
export const watchedByScrapes = (setting: Setting) =>
  watchedBench(setting, "watched-scrapes", { stages: true, scraped: true });
export const watchedByTraces = (setting: Setting) =>
  watchedBench(setting, "watched-traces", { traced: true });
export const watchedByViewers = (setting: Setting) =>
  watchedBench(setting, "watched-dashboard", { shown: true });
