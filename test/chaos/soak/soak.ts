/** Mixed load of two tenants for as long as is asked for, with a fault every ten seconds; then everything is as before. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stdout } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../../models/make/random.ts";
import { packageRoot } from "../../../src/package-root.ts";
import { type Cases, expect } from "../../support/cases.ts";
import { type GatewayProcess, startGateway } from "../../support/gateway-process.ts";
import { keyedTenants } from "../../support/keyed-tenants.ts";
import { scrape, sum } from "../../support/metrics.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import { eventually } from "../../support/process-tree.ts";
import { anonymousBytes, residentBytes } from "../../support/process-usage.ts";
import { Load } from "../load.ts";
import { identityQuestion } from "../questions.ts";
import { HttpLane, type Lane, SharedMemoryLane, StreamLane } from "./lanes.ts";
import { type Slope, slopePerHour } from "./slope.ts";
import { type Target, TROUBLES } from "./troubles.ts";

const FAULT_EVERY_MS = 10_000;
/**
 * Before the soak its faults come ten times as fast. V8 goes on compiling what only a fault runs until it ran some
 * hundred times: without this the heap grew by 3 MB/h for as long as a soak lasts, by two snapshots nine tenths code.
 * Samples come as often: what only they run is the measure's.
 */
const WARM_UP_EVERY_MS = 1_000;
/** Of the soak's time: nearly twice as many faults as in the soak. */
const WARM_UP = 0.2;
/**
 * From the end of a load until the gateway is as it was before: a worker that was stopped while it starts is given up after
 * twenty seconds, and started again after a pause; the one timer of deadlines stays as it is for as long as a call had, 30 s.
 */
const AT_REST_WITHIN_MS = 35_000;
const SAMPLE_EVERY_MS = 5_000;
/** Of the soak's time: until here its memory is not looked at. */
const SETTLING = 0.2;
/** Bytes an hour. */
const SLOPE_LIMIT = 1e6;
/** A shorter soak says nothing about a slope: it is told only. */
const TELLING_MINUTES = 10;
const TENANTS = ["cms", "atlas"] as const;

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
}

export async function soak(cases: Cases, { minutes, seed }: SoakOptions): Promise<void> {
  const repository = temporaryRepository();
  const more = "dynamic_batching { }";
  repository.add(
    "soak",
    echoConfig({ name: "soak", maxBatchSize: 8, dims: [16], delayMs: 2, instances: 2, more }),
  );
  repository.add(
    "comes-and-goes",
    echoConfig({ name: "comes-and-goes", maxBatchSize: 8, dims: [16] }),
  );
  const config = join(repository.folder, "gateway.yaml");
  // A worker that is stopped is found after a second.
  const settings = { workers: { executionTimeoutMs: 1_000, heartbeatMs: 250 } };
  writeFileSync(config, JSON.stringify(settings));
  const tenants = keyedTenants({ cms: {}, atlas: {} }, ["observe", "operate", "admin"]);
  const operator = tenants.headersOf("operator");
  const collector = join(packageRoot, "dist", "test", "support", "collect-on-signal.js");
  const gateway = await startGateway({
    repositories: [repository.folder],
    flags: [
      ...tenants.flags,
      ...["--model-control-mode", "explicit", "--load-model", "*"],
      ...["--config", config, "--allow-client-shm"],
    ],
    launcher: ["env", `NODE_OPTIONS=--import=file://${collector}`],
  });
  const target: Target = {
    ...{ gateway, operator, headers: tenants.headersOf(TENANTS[0]), random: new Random(seed) },
  };
  try {
    const sample = async (atMs: number): Promise<MemorySample> => ({
      atMs,
      resident: residentBytes(gateway.pid),
      anonymous: anonymousBytes(gateway.pid),
      kept: await keptBytes(gateway, operator),
    });
    const warmUp = await load(target, tenants.headersOf, {
      ms: WARM_UP * minutes * 60_000,
      faultEveryMs: WARM_UP_EVERY_MS,
      sampleEveryMs: WARM_UP_EVERY_MS,
      sample,
    });
    await sleep(AT_REST_WITHIN_MS);
    const before = await left(gateway, operator);
    const told = await load(target, tenants.headersOf, {
      ms: minutes * 60_000,
      faultEveryMs: FAULT_EVERY_MS,
      sampleEveryMs: SAMPLE_EVERY_MS,
      sample,
    });
    await cases.run(`${minutes} minutes of mixed load, a fault every 10 s (seed ${seed})`, () => {
      const { answered, faults } = told;
      const troubles = [...warmUp.troubles, ...told.troubles];
      expect(
        troubles.length === 0,
        `${troubles.length} unexpected: ${troubles.slice(0, 5).join("; ")}`,
      );
      const counts = Object.entries(answered).map(([way, count]) => `${way} ${count}`);
      return `0 unexpected of ${counts.join(", ")}; ${faults} faults after ${warmUp.faults} of the warm-up`;
    });
    await cases.run("memory stands still", () => {
      const warm = told.samples.filter(({ atMs }) => atMs > SETTLING * minutes * 60_000);
      const slopeOf = (which: "resident" | "anonymous" | "kept") =>
        slopePerHour(warm.map((sample) => ({ atMs: sample.atMs, bytes: sample[which] })));
      const { slope, error } = slopeOf("resident");
      const text = `${inWords({ slope, error })} MB/h over ${warm.length} samples; without pages of files ${inWords(slopeOf("anonymous"))}; of what V8 keeps in its old spaces ${inWords(slopeOf("kept"))}`;
      if (minutes >= TELLING_MINUTES) expect(slope - 2 * error <= SLOPE_LIMIT, text);
      return text;
    });
    await cases.run("what was opened is closed", async () => {
      await sleep(AT_REST_WITHIN_MS);
      let after = await left(gateway, operator);
      const more = () =>
        Object.entries(after).filter(([name, count]) => count > (before[name] ?? 0));
      await eventually(
        async () => {
          after = await left(gateway, operator);
          return more().length === 0;
        },
        20_000,
        500,
      );
      expect(
        more().length === 0,
        `before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`,
      );
      return Object.entries(after)
        .map(([name, count]) => `${name} ${count}`)
        .join(", ");
    });
  } finally {
    await gateway.stop();
    tenants.remove();
    repository.remove();
  }
}

/** Bytes of the gateway. */
interface MemorySample {
  readonly atMs: number;
  readonly resident: number;
  /** Of them, those that are no file's. */
  readonly anonymous: number;
  /** By V8 in its old spaces. */
  readonly kept: number;
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(2);
const inWords = ({ slope, error }: Slope) => `${megabytes(slope)} ± ${megabytes(error)}`;

interface Pace {
  readonly ms: number;
  /** At least. */
  readonly faultEveryMs: number;
  /** At least. */
  readonly sampleEveryMs: number;
  /** Called after each collection of the gateway's garbage. */
  readonly sample: (atMs: number) => Promise<MemorySample>;
}

interface Told {
  readonly answered: Readonly<Record<string, number>>;
  readonly troubles: readonly string[];
  readonly faults: number;
  readonly samples: readonly MemorySample[];
}

async function load(
  target: Target,
  headersOf: (tenant: string) => Readonly<Record<string, string>>,
  { ms, faultEveryMs, sampleEveryMs, sample }: Pace,
): Promise<Told> {
  const { gateway, operator, random } = target;
  const unary = new Load({
    ...{ port: gateway.grpcPort, clients: 8, connections: 4, timeoutMs: 30_000 },
    headers: (client) => headersOf(TENANTS[client % TENANTS.length] ?? TENANTS[0]),
    ask: (client, turn) => identityQuestion("soak", 1 + (turn % 3), 16, client * 10_007 + turn),
  });
  const lanes: Readonly<Record<string, Lane>> = {
    stream: new StreamLane(gateway.grpcPort, headersOf(TENANTS[1])).start(),
    http: new HttpLane(gateway, headersOf(TENANTS[0])).start(),
    "shared memory": new SharedMemoryLane(gateway, headersOf(TENANTS[1]), operator).start(),
  };
  const names = Object.keys(TROUBLES);
  const began = performance.now();
  const ofFaults: string[] = [];
  const samples: MemorySample[] = [];
  let faults = 0;
  let faultAt = 0;
  let sampledAt = 0;
  try {
    for (let now = 0; now < ms; now = performance.now() - began) {
      if (now - faultAt >= faultEveryMs) {
        faultAt = now;
        const name = names[random.integer(names.length)] ?? "";
        faults += 1;
        stdout.write(`${(now / 1_000).toFixed(0)} s: ${name}\n`);
        await TROUBLES[name]?.(target).catch((thrown: unknown) => {
          ofFaults.push(`${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        });
      }
      if (now - sampledAt >= sampleEveryMs) {
        sampledAt = now;
        process.kill(gateway.pid, "SIGUSR2"); // collect-on-signal.ts
        await sleep(200);
        samples.push(await sample(now));
      }
      await sleep(100);
    }
  } finally {
    await Promise.all([unary.stop(), ...Object.values(lanes).map((lane) => lane.stop())]);
  }
  const entries = Object.entries(lanes);
  return {
    answered: {
      unary: unary.answered,
      ...Object.fromEntries(entries.map(([name, lane]) => [name, lane.answered])),
    },
    troubles: [
      ...ofFaults,
      ...unary.troubles.map(({ message }) => `unary: ${message}`),
      ...entries.flatMap(([name, lane]) => lane.troubles.map((trouble) => `${name}: ${trouble}`)),
    ],
    faults,
    samples,
  };
}

/** What lives long, code with it: tells growth of the heap from that of the process, which has more noise. */
async function keptBytes(
  { metricsPort }: GatewayProcess,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const samples = await scrape(metricsPort, headers);
  const used = (space: string) =>
    sum(samples, "nodejs_heap_space_size_used_bytes", { space }) ?? Number.NaN;
  return used("old") + used("code") + used("large_object");
}

/** What the gateway still holds once nobody is there. */
async function left(
  { metricsPort }: GatewayProcess,
  headers: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, number>>> {
  await sleep(2_000);
  const samples = await scrape(metricsPort, headers);
  const figure = (name: string, labels = {}) => sum(samples, name, labels) ?? 0;
  return {
    descriptors: figure("process_open_fds"),
    timers: figure("nodejs_active_resources", { type: "Timeout" }),
    connections: figure("beamgate_grpc_connections"),
    calls: figure("beamgate_grpc_calls_in_flight"),
    "held bytes": figure("beamgate_grpc_held_bytes"),
  };
}
