/**
 * Ten thousand connections on which nothing comes: what each keeps of the gateway's memory, what they do to the
 * latency of those who ask, and how long the event loop stands still while many connect at once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type GatewayUnderTest, startGateway } from "../../support/gateway.ts";
import { scrape } from "../../support/metrics.ts";
import { residentBytes } from "../../support/process-usage.ts";
import { type IdleClients, openIdleClients } from "../idle-clients.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median, spread } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const CONNECTIONS = 10_000;
const PER_SECOND = 2_000;
/** After so much, what opening left behind was collected. */
const SETTLE_MS = 3_000;
const KINDS = ["grpc", "http"] as const;
const GOAL_KB = 30;
const GOAL_P99 = 1.1;
const GOAL_STALL_MS = 100;
const STORMS = 3;

const failures = ({ failed }: IdleClients): Record<string, number> =>
  failed === 0 ? {} : { "not connected": failed };

/** By kind of port, each on a gateway of its own; the larger one counts. */
export async function idleConnections(setting: Setting): Promise<BenchResult> {
  const kb: Record<string, number> = {};
  const errors: Record<string, number> = {};
  for (const kind of KINDS) {
    const gateway = await startGateway({ repository: setting.repository });
    try {
      await answerSome(gateway, setting);
      const before = residentBytes(gateway.pid);
      const port = kind === "http" ? gateway.httpPort : gateway.grpcPort;
      const idle = await openIdleClients({ port, kind, count: CONNECTIONS, perSecond: PER_SECOND });
      Object.assign(errors, failures(idle));
      await sleep(SETTLE_MS);
      kb[kind] = (residentBytes(gateway.pid) - before) / 1000 / idle.opened;
      await idle.stop();
    } finally {
      await gateway.stop();
    }
  }
  return {
    name: "connections",
    measures: `resident kB of a gateway an idle connection, ${CONNECTIONS} of them`,
    value: Math.max(...Object.values(kb)),
    goal: { kind: "at most", value: GOAL_KB },
    figures: Object.fromEntries(Object.entries(kb).map(([kind, value]) => [`kB, ${kind}`, value])),
    errors,
  };
}

/** What a gateway keeps from its first requests on belongs to no connection. */
async function answerSome(gateway: GatewayUnderTest, setting: Setting): Promise<void> {
  const load = { body: setting.requestFile(1), concurrency: 64, connections: 4 };
  await setting.client(served(gateway), { ...load, warmupS: 0, seconds: setting.pace.sliceS });
  await sleep(SETTLE_MS);
}

export async function beside(setting: Setting): Promise<BenchResult> {
  const { client, pace, repository } = setting;
  const gateways: GatewayUnderTest[] = [];
  let idle: IdleClients | undefined;
  try {
    const crowded = await startGateway({ repository });
    gateways.push(crowded);
    const empty = await startGateway({ repository });
    gateways.push(empty);
    const port = crowded.grpcPort;
    const many = { kind: "grpc" as const, count: CONNECTIONS, perSecond: PER_SECOND };
    idle = await openIdleClients({ port, ...many });
    const load = {
      body: setting.requestFile(1),
      ...{ concurrency: 8, connections: 4, warmupS: pace.warmupS, seconds: pace.sliceS },
    };
    const result = await ratioBench({
      name: "connections-p99",
      measures: `p99 of 1-row requests beside ${idle.opened} idle connections ÷ without them`,
      goal: { kind: "at most", value: GOAL_P99 },
      rounds: Math.max(10, pace.rounds),
      subject: served(crowded),
      client,
      load,
      control: () => client(served(empty), load),
      controlServer: served(empty),
      subjectValue: ({ p99Ms = Number.NaN }) => p99Ms,
      controlValue: ({ p99Ms = Number.NaN }) => p99Ms,
      controlErrors: (slice) => slice.errors,
      figures: (slices, controls) => ({
        "p99 ms beside them": median(slices.map(({ p99Ms = Number.NaN }) => p99Ms)),
        "p99 ms without": median(controls.map(({ p99Ms = Number.NaN }) => p99Ms)),
        "CPU s per 1000, without": median(controls.map(({ cpu }) => cpu.server)),
      }),
    });
    return { ...result, errors: { ...result.errors, ...failures(idle) } };
  } finally {
    await idle?.stop();
    for (const gateway of gateways) await gateway.stop();
  }
}

/** As the gateway itself says it; the same seconds without a storm say what the machine adds. */
export async function storm(setting: Setting): Promise<BenchResult> {
  const gateway = await startGateway({ repository: setting.repository });
  const stalls: number[] = [];
  const calm: number[] = [];
  const rates: number[] = [];
  const errors: Record<string, number> = {};
  try {
    await answerSome(gateway, setting);
    for (let turn = 0; turn <= STORMS; turn += 1) {
      await stallMs(gateway);
      await sleep((1000 * CONNECTIONS) / PER_SECOND);
      const before = await stallMs(gateway);
      const idle = await openIdleClients({
        port: gateway.grpcPort,
        ...{ kind: "grpc", count: CONNECTIONS, perSecond: PER_SECOND },
      });
      const during = await stallMs(gateway);
      await idle.stop();
      await sleep(SETTLE_MS);
      // The first one compiles.
      if (turn === 0) continue;
      Object.assign(errors, failures(idle));
      calm.push(before);
      stalls.push(during);
      rates.push(idle.opened / idle.seconds);
    }
  } finally {
    await gateway.stop();
  }
  const all = spread(stalls);
  return {
    name: "connections-storm",
    measures: `longest stall of the event loop while ${CONNECTIONS} connect, ${PER_SECOND} a second, ms`,
    value: all.median,
    spread: all,
    goal: { kind: "at most", value: GOAL_STALL_MS },
    figures: {
      "ms in as many seconds before": median(calm),
      "connected a second": median(rates),
    },
    errors,
  };
}

/** Longest since the last time this was asked. */
async function stallMs({ metricsPort }: GatewayUnderTest): Promise<number> {
  const samples = await scrape(metricsPort);
  const longest = samples.find(
    ({ name, labels }) =>
      name === "beamgate_event_loop_delay_seconds" && labels["quantile"] === "1",
  );
  return 1000 * (longest?.value ?? Number.NaN);
}
