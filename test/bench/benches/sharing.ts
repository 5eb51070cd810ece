/**
 * What it costs to know who calls and to divide devices between them: CPU of a gateway whose two experiments show API
 * keys and share a model fairly, against a gateway without tenants, under the same load of two clients at once.
 */
import { type GatewayUnderTest, startGateway } from "../../support/gateway.ts";
import { type KeyedTenants, keyedTenants } from "../../support/keyed-tenants.ts";
import { cpuMark, runLoadClient } from "../load.ts";
import { type BenchResult, mergeErrors } from "../result.ts";
import { interleaved, median, ratiosOf } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const EXPERIMENTS = ["cms", "atlas"] as const;
const IN_FLIGHT = 32;
const CONNECTIONS = 2;
const WARM_UP_REQUESTS = 20_000;
/** Interleaved pairs at least. */
const ROUNDS = 10;
/** Requests of an experiment in a slice, for a second of it. */
const REQUESTS_PER_S = 4_000;

interface Costs {
  /** CPU seconds per 1 000 requests. */
  readonly gateway: number;
  readonly workers: number;
  readonly errors: Readonly<Record<string, number>>;
}

export async function sharing(setting: Setting): Promise<BenchResult> {
  const { pace, repository } = setting;
  const body = setting.requestFile(1);
  const tenants = keyedTenants({ cms: { weight: 2, guarantee: 0.5 }, atlas: {} });
  const started: GatewayUnderTest[] = [];
  try {
    const apart = await startGateway({ repository, flags: tenants.flags });
    started.push(apart);
    const open = await startGateway({ repository });
    started.push(open);
    const requests = Math.round(REQUESTS_PER_S * pace.sliceS);
    for (const gateway of started) {
      await slice(gateway, body, WARM_UP_REQUESTS, gateway === apart ? tenants : undefined);
    }
    const rounds = await interleaved(
      Math.max(ROUNDS, pace.rounds),
      () => slice(apart, body, requests, tenants),
      () => slice(open, body, requests, undefined),
    );
    const of = (part: (costs: Costs) => number) =>
      ratiosOf(
        rounds.map(({ subject: [first, second], control }) => ({
          subject: [part(first), part(second)] as const,
          control: part(control),
        })),
      );
    const all = of(({ gateway, workers }) => gateway + workers);
    const subjects = rounds.flatMap(({ subject }) => subject);
    const controls = rounds.map(({ control }) => control);
    return {
      name: "sharing",
      measures: "CPU of 1-row requests with API keys and fair share of two tenants ÷ without",
      value: all.ratio.median,
      spread: all.ratio,
      noise: all.noise,
      goal: { kind: "at most", value: 1.05 },
      figures: {
        "gateway CPU s per 1000, with": median(subjects.map(({ gateway }) => gateway)),
        "gateway CPU s per 1000, without": median(controls.map(({ gateway }) => gateway)),
        "workers CPU s per 1000, with": median(subjects.map(({ workers }) => workers)),
        "workers CPU s per 1000, without": median(controls.map(({ workers }) => workers)),
        "gateway alone, with ÷ without": of(({ gateway }) => gateway).ratio.median,
      },
      errors: mergeErrors([...subjects, ...controls].map(({ errors }) => errors)),
    };
  } finally {
    for (const gateway of started) await gateway.stop();
    tenants.remove();
  }
}

/** Two clients at once, so many requests each. */
async function slice(
  gateway: GatewayUnderTest,
  body: string,
  requests: number,
  tenants: KeyedTenants | undefined,
): Promise<Costs> {
  const server = served(gateway);
  const before = cpuMark(server);
  const reports = await Promise.all(
    EXPERIMENTS.map((name) => {
      const key = tenants?.headersOf(name)["x-api-key"];
      const header = key === undefined ? {} : { header: `x-api-key:${key}` };
      const flags = { concurrency: IN_FLIGHT, connections: CONNECTIONS, "warmup-s": 0 };
      return runLoadClient(server, body, { ...flags, requests, ...header });
    }),
  );
  const after = cpuMark(server);
  const thousands = reports.reduce((sum, { answered }) => sum + answered, 0) / 1_000;
  return {
    gateway: (after.server - before.server) / thousands,
    workers: (after.workers - before.workers) / thousands,
    errors: mergeErrors(reports.map(({ errors }) => errors)),
  };
}
