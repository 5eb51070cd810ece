/**
 * What being watched costs: a gateway whose metrics are scraped every second (ten times as often as usual), that traces
 * 1 % of the requests to a collector and shows its dashboard to somebody, against one that does none of it. CPU of the
 * gateways' own processes; that of a gateway with its workers is told beside it. And each of it alone, to know where
 * the cost is.
 */
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { setInterval } from "node:timers";
import { type GatewayUnderTest, startGateway } from "../../support/gateway.ts";
import type { Slice } from "../load.ts";
import { ratioResult, ratioRounds } from "../ratio-bench.ts";
import { type BenchResult, mergeErrors } from "../result.ts";
import { median, type Round, spread } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const GOAL = 1.04;
/** Many: pairs of processes that are started alike differ by 0.04 in a quiet hour and 0.1 in a busy one, for as long as they live. */
const PAIRS = 24;
/** Of each pair. */
const ROUNDS_EACH = 2;
const SLICE_S = 1.5;
/**
 * Load on each gateway before it is measured. What is rarely executed is compiled late: in its first ten seconds
 * a gateway that traces pays several per cent for that, and once only.
 */
const SETTLE_S = 12;
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

/** Two gateways that differ in how they are watched. */
async function startPair(setting: Setting, watch: Watch, collectorUrl: string, first: boolean) {
  const { repository } = setting;
  const trace = [
    ...["mode=opentelemetry", `opentelemetry,url=${collectorUrl}`],
    ...["level=TIMESTAMPS", "rate=100"],
  ];
  const unmeasured = ["--metrics-max-stage-series", "0"];
  const flags = [
    ...(watch.traced ? trace.flatMap((words) => ["--trace-config", words]) : []),
    ...(watch.stages ? [] : unmeasured),
  ];
  const start = {
    watched: () => startGateway({ repository, flags }),
    alone: () => startGateway({ repository, flags: unmeasured }),
  };
  const order = first ? (["watched", "alone"] as const) : (["alone", "watched"] as const);
  const pair = new Map<"watched" | "alone", GatewayUnderTest>();
  const stop = async () => {
    for (const gateway of pair.values()) await gateway.stop();
  };
  try {
    for (const name of order) pair.set(name, await start[name]());
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return {
    watched: pair.get("watched") as GatewayUnderTest,
    alone: pair.get("alone") as GatewayUnderTest,
    stop,
  };
}

/**
 * Several pairs of processes, because two that are started alike differ, too: V8 compiles by what it happens to meet
 * first. What that alone amounts to is what `watched-nothing` tells.
 */
async function watchedBench(setting: Setting, name: string, watch: Watch): Promise<BenchResult> {
  const { client, pace } = setting;
  const collector = await startCollector();
  const load = {
    body: setting.requestFile(1),
    ...{ concurrency: 64, connections: 4, warmupS: pace.warmupS, seconds: SLICE_S },
  };
  let scrapes = 0;
  let bytesShown = 0;
  const measure = async (first: boolean) => {
    const { watched, alone, stop } = await startPair(setting, watch, collector.url, first);
    const scrape = async () => {
      await (await fetch(`http://127.0.0.1:${watched.metricsPort}/metrics`)).arrayBuffer();
      scrapes += 1;
    };
    const scraping = watch.scraped
      ? setInterval(() => void scrape().catch(() => undefined), SCRAPE_MS)
      : undefined;
    const viewer = watch.shown ? lookAt(watched) : undefined;
    try {
      for (const gateway of [alone, watched]) {
        await client(served(gateway), { ...load, seconds: SETTLE_S });
      }
      return await ratioRounds({
        ...bench,
        rounds: ROUNDS_EACH,
        subject: served(watched),
        client,
        load,
        // Twice: then each of the two runs as often after itself as after the other one, which makes a difference.
        control: async () => [await client(served(alone), load), await client(served(alone), load)],
        controlServer: served(alone),
      });
    } finally {
      clearInterval(scraping);
      viewer?.stop();
      bytesShown += viewer?.bytes() ?? 0;
      await stop();
    }
  };
  const bench = {
    name,
    measures: `gateway CPU s per 1000 requests, ${wordsOf(watch)} ÷ none of it`,
    goal: { kind: "at most", value: GOAL } as const,
    ...comparing(ownCost),
    controlErrors: (slices: Slice[]) => mergeErrors(slices.map(({ errors }) => errors)),
    figures: (slices: readonly Slice[], controls: readonly Slice[][]) => ({
      "requests/s, watched": median(slices.map((slice) => slice.requestsPerSecond)),
      "requests/s, not watched": median(controls.flat().map((slice) => slice.requestsPerSecond)),
      "gateway CPU s per 1000, not watched": median(controls.flat().map(ownCost)),
    }),
  };
  try {
    const rounds: Round<Slice, Slice[]>[] = [];
    const ofPairs: number[] = [];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const own = await measure(pair % 2 === 0);
      rounds.push(...own);
      ofPairs.push(ratioResult(bench, own).value);
    }
    const told = {
      ...(watch.scraped && { scrapes }),
      ...(watch.traced && { "exports of spans": collector.exports() }),
      ...(watch.shown && { "kB shown": bytesShown / 1000 }),
    };
    for (const [what, count] of Object.entries(told)) {
      if (count === 0) throw new Error(`${name}: ${what} is 0`);
    }
    const { min, max } = spread(ofPairs);
    const result = ratioResult(bench, rounds);
    const withWorkers = ratioResult({ ...bench, ...comparing(wholeCost) }, rounds);
    const more = {
      ...{ "least of a pair": min, "most of a pair": max },
      "× of a gateway with its workers": withWorkers.value,
      ...told,
    };
    return { ...result, figures: { ...result.figures, ...more } };
  } finally {
    await collector.stop();
  }
}

const ownCost = ({ cpu }: Slice) => cpu.server;
const wholeCost = ({ cpu }: Slice) => cpu.server + cpu.workers;

/** What is compared, of a slice. */
const comparing = (costOf: (slice: Slice) => number) => ({
  subjectValue: costOf,
  controlValue: (slices: Slice[]) => mean(slices.map(costOf)),
});

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function wordsOf({ stages, scraped, traced, shown }: Watch): string {
  const words = [
    ...(stages ? ["stages observed"] : []),
    ...(scraped ? ["scraped"] : []),
    ...(traced ? ["traced at 1 %"] : []),
    ...(shown ? ["shown"] : []),
  ];
  return words.length === 0 ? "nothing of it" : words.join(", ");
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
/** Two processes that are started alike. */
export const watchedByNobody = (setting: Setting) => watchedBench(setting, "watched-nothing", {});
