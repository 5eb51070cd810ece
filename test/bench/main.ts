/** `npm run bench`: runs the benches one after the other, prints a table, writes JSON. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { dirname, join, resolve } from "node:path";
import { argv, exit, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import { packageRoot } from "../../src/package-root.ts";
import { peakResidentBytes } from "../support/process-tree.ts";
import { batchSize } from "./benches/batch-size.ts";
import { calibration } from "./benches/calibration.ts";
import { catalog } from "./benches/catalog.ts";
import { clientCeiling } from "./benches/client-ceiling.ts";
import { beside, idleConnections, storm } from "./benches/connections.ts";
import { cores, edges, edgesTls } from "./benches/cores.ts";
import { emulatedU50 } from "./benches/emulated-u50.ts";
import { eventLoop } from "./benches/event-loop.ts";
import { fairShare } from "./benches/fair-share.ts";
import { gate } from "./benches/gate.ts";
import { generator, generatorStream } from "./benches/generator.ts";
import { httpBinary } from "./benches/http-binary.ts";
import { largeRequests } from "./benches/large-requests.ts";
import { latency } from "./benches/latency.ts";
import { memory } from "./benches/memory.ts";
import {
  observability,
  watchedByNobody,
  watchedByScrapes,
  watchedByStages,
  watchedByTraces,
  watchedByViewers,
} from "./benches/observability.ts";
import { openClPath } from "./benches/opencl.ts";
import { put } from "./benches/put.ts";
import { remote } from "./benches/remote.ts";
import { scrape } from "./benches/scrape.ts";
import { shadow } from "./benches/shadow.ts";
import { sharedMemory } from "./benches/shared-memory.ts";
import { sharing } from "./benches/sharing.ts";
import { streamThroughput } from "./benches/stream-throughput.ts";
import { tenantMemory } from "./benches/tenant-memory.ts";
import { unaryThroughput } from "./benches/unary-throughput.ts";
import { h2loadClient, h2loadInstalled } from "./h2load.ts";
import { rawHttp2Client } from "./load.ts";
import { type BenchResult, BenchSkipped, goalMet } from "./result.ts";
import { FULL, makeSetting, QUICK, type Setting } from "./setting.ts";
import { figuresList, resultsTable } from "./table.ts";

const BENCHES: Readonly<Record<string, (setting: Setting) => Promise<BenchResult>>> = {
  client: clientCeiling,
  unary: unaryThroughput,
  cores,
  edges,
  "edges-tls": edgesTls,
  stream: streamThroughput,
  http: httpBinary,
  large: largeRequests,
  "shared-memory": sharedMemory,
  latency,
  "batch-size": batchSize,
  "event-loop": eventLoop,
  "fair-share": fairShare,
  sharing,
  "tenant-memory": tenantMemory,
  u50: emulatedU50,
  opencl: openClPath,
  memory,
  remote,
  gate,
  catalog,
  put,
  shadow,
  scrape,
  observability,
  "watched-nothing": watchedByNobody,
  "watched-stages": watchedByStages,
  "watched-scrapes": watchedByScrapes,
  "watched-traces": watchedByTraces,
  "watched-dashboard": watchedByViewers,
  connections: idleConnections,
  "connections-p99": beside,
  "connections-storm": storm,
  generator,
  "generator-stream": generatorStream,
  calibration,
};

/** Without parts of others. */
const USUAL = Object.keys(BENCHES).filter((name) => !name.startsWith("watched-"));

const HELP = `usage: npm run bench -- [--quick] [--only NAME]... [--output FILE] [--check]
  --quick        shorter slices, fewer requests; without it all of them take about fifty minutes
  --only NAME    ${Object.keys(BENCHES).join(", ")}; may be repeated
  --output FILE  where the JSON goes (default bench-results/<time>.json)
  --h2load       throughput with nghttp2's h2load instead of our own load client
  --model DIR    a model in Triton's layout with one FP32 input [rows, n] (default models/jet_tagger)
  --check        exit status 1 when a goal is missed
`;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
      output: { type: "string" },
      h2load: { type: "boolean", default: false },
      model: { type: "string", default: join(packageRoot, "models", "jet_tagger") },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    stdout.write(HELP);
    return 0;
  }
  if (values.h2load && !h2loadInstalled()) throw new Error("--h2load: h2load is not installed");
  const benches = (values.only ?? USUAL).map((name) => {
    const bench = BENCHES[name];
    if (!bench) throw new Error(`--only ${name}: one of ${Object.keys(BENCHES).join(", ")}`);
    return { name, bench };
  });

  const environment = {
    time: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    loadAverageAtStart: loadavg()[0],
    client: values.h2load ? "h2load" : "raw-http2",
    quick: values.quick,
  };
  const client = values.h2load ? h2loadClient : rawHttp2Client;
  const setting = await makeSetting(values.quick ? QUICK : FULL, client, resolve(values.model));
  const results: BenchResult[] = [];
  let peakMemoryMb: Readonly<Record<string, number>> = {};
  try {
    for (const { name, bench } of benches) {
      stderr.write(`${name} ...\n`);
      try {
        results.push(await bench(setting));
      } catch (thrown) {
        if (!(thrown instanceof BenchSkipped)) throw thrown;
        stderr.write(`${name} is skipped: ${thrown.message}\n`);
      }
    }
    peakMemoryMb = await peakMemory(setting);
  } finally {
    await setting.close();
  }

  stdout.write(`${figuresList(results)}\n`);
  for (const [what, mb] of Object.entries(peakMemoryMb)) {
    stdout.write(`peak memory of ${what}: ${mb.toFixed(0)} MB\n`);
  }
  stdout.write(`\n${resultsTable(results)}\n`);
  const stamp = environment.time.replaceAll(":", "-");
  const output = resolve(values.output ?? join(packageRoot, "bench-results", `${stamp}.json`));
  mkdirSync(dirname(output), { recursive: true });
  const report = { environment, peakMemoryMb, results };
  writeFileSync(output, `${JSON.stringify(report, undefined, 2)}\n`);
  stdout.write(`\nwritten to ${output}\n`);
  return values.check && results.some((result) => goalMet(result) === false) ? 1 : 0;
}

/** Of the gateway that the benches share, over all of them. */
async function peakMemory(setting: Setting): Promise<Record<string, number>> {
  const gateway = await setting.startedGateway();
  if (!gateway) return {};
  const peaks: Record<string, number> = { gateway: peakResidentBytes(gateway.pid) / 2 ** 20 };
  gateway.workers().forEach((pid, at) => {
    peaks[`worker ${at + 1}`] = peakResidentBytes(pid) / 2 ** 20;
  });
  return peaks;
}

try {
  exit(await main(argv.slice(2)));
} catch (thrown) {
  stderr.write(`bench: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : thrown}\n`);
  exit(2);
}
