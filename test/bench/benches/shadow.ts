/**
 * What live requests cost while a share of them is computed once more on idle devices, against the same with
 * shadowing off, in the same gateway: the alias is changed between slices, as an operator does it. Load comes in
 * bursts with pauses, since devices that are never idle shadow nothing. What shadowing itself takes is counted
 * apart: by the gateway (`beamgate_shadow_gateway_seconds_total`), and in its worker, which has the lowest priority.
 */
import { createReadStream, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { systemClock } from "../../../src/clock.ts";
import { silent } from "../../../src/logger.ts";
import type { Catalog } from "../../../src/registry/catalog/catalog.ts";
import type { CatalogModel } from "../../../src/registry/catalog/types.ts";
import { readConfigFile } from "../../../src/registry/config-pbtxt.ts";
import { openRegistryStore } from "../../../src/wiring/registry.ts";
import { anArtifact } from "../../support/fake-catalog.ts";
import { type GatewayUnderTest, startGateway } from "../../support/gateway.ts";
import { InferClient } from "../../support/infer-client.ts";
import { scrape, sum } from "../../support/metrics.ts";
import { temporaryRepository } from "../../support/model-repository.ts";
import { cpuSeconds } from "../../support/process-usage.ts";
import type { BenchResult } from "../result.ts";
import { interleaved, median, ratiosOf } from "../rounds.ts";
import type { Setting } from "../setting.ts";

const CONFIG = "config.pbtxt";
const SHARE = 0.1;
const BURST = 32;
const CONNECTIONS = 4;
const PAUSE_MS = 15;
/** A gateway looks for changes of others twice a second, and loads an instance. */
const SETTLE_MS = 3_000;
const LOWEST_PRIORITY = 19;

interface Costs {
  /** CPU seconds of the gateway and the live workers per 1 000 requests, what shadowing took left out. */
  readonly live: number;
  /** The same with the gateway's share of the shadow work in it. */
  readonly withGateway: number;
  readonly requests: number;
  readonly shadowRows: number;
  /** CPU seconds of the shadow worker. */
  readonly shadowWorker: number;
}

export async function shadow(setting: Setting): Promise<BenchResult> {
  const { model, pace } = setting;
  const folder = join(setting.folder, "registry");
  const { store, catalog } = await openRegistryStore(folder, systemClock, silent);
  const empty = temporaryRepository();
  const clients: InferClient[] = [];
  let gateway: GatewayUnderTest | undefined;
  try {
    const put = async (file: string) =>
      (await store.blobs.put(createReadStream(file), { maxBytes: 2 ** 30 })).digest;
    const digest = await put(model.file);
    const files: Record<string, string> = {};
    for (const { name: file } of readdirSync(model.folder, { withFileTypes: true }).filter(
      (entry) => entry.isFile() && entry.name !== CONFIG,
    )) {
      files[file] = await put(join(model.folder, file));
    }
    const { name: _, ...config } = await readConfigFile(join(model.folder, CONFIG));
    const equivalence = { class: { kind: "ulp", max: 16 } } as const;
    const artifacts = [anArtifact({ digest })];
    const version = (number: string) => ({
      ...{ version: number, config, equivalence, artifacts, files, reference: digest },
    });
    const registered: CatalogModel = {
      name: model.name,
      versions: { "1": version("1"), "2": version("2") },
      aliases: { production: { version: "1" }, candidate: { version: "2" } },
      aliasHistory: [],
    };
    await catalog.change(model.name, undefined, "bench", { action: "register" }, () => registered);
    const started = await startGateway({
      repository: empty.folder,
      flags: ["--registry-folder", folder],
    });
    gateway = started;
    for (let i = 0; i < CONNECTIONS; i++) clients.push(new InferClient(started.grpcPort));
    const question = readFileSync(setting.requestFile(1));
    const slice = async (share: number, seconds: number): Promise<Costs> => {
      await setShare(catalog, model.name, share);
      await setTimeout(SETTLE_MS);
      await bursts(clients, question, pace.warmupS);
      return measure(started, () => bursts(clients, question, seconds));
    };
    await slice(SHARE, pace.sliceS); // V8 compiles
    const seconds = 2 * pace.sliceS;
    const rounds = await interleaved(
      pace.rounds,
      () => slice(0, seconds),
      () => slice(SHARE, seconds),
    );
    return report(rounds);
  } finally {
    for (const client of clients) client.close();
    await gateway?.stop();
    await store.close();
    empty.remove();
  }
}

function report(
  rounds: readonly { readonly subject: readonly [Costs, Costs]; readonly control: Costs }[],
): BenchResult {
  const ratios = (of: (costs: Costs) => number) =>
    ratiosOf(
      rounds.map(({ subject: [a, b], control }) => ({
        subject: [1 / of(a), 1 / of(b)] as const,
        control: 1 / of(control),
      })),
    );
  const { ratio, noise } = ratios(({ live }) => live);
  const on = rounds.map(({ control }) => control);
  const off = rounds.flatMap(({ subject }) => subject);
  return {
    name: "shadow",
    measures: `live CPU per 1 000 requests with ${SHARE * 100} % shadowed ÷ with none`,
    value: ratio.median,
    spread: ratio,
    noise,
    goal: { kind: "at most", value: Math.max(noise.max, 1 / noise.min) },
    figures: {
      "live CPU s per 1000, off": median(off.map(({ live }) => live)),
      "live CPU s per 1000, on": median(on.map(({ live }) => live)),
      "on ÷ off with the gateway's shadow work in it": ratios((c) => c.withGateway).ratio.median,
      "rows computed once more, of 1000": median(
        on.map(({ shadowRows, requests }) => (1000 * shadowRows) / requests),
      ),
      "shadow worker CPU s per 1000": median(
        on.map(({ shadowWorker, requests }) => (1000 * shadowWorker) / requests),
      ),
    },
    errors: off.some(({ shadowRows }) => shadowRows > 0) ? { "rows shadowed while off": 1 } : {},
  };
}

async function setShare(catalog: Catalog, name: string, share: number): Promise<void> {
  const candidate = { version: "2", ...(share > 0 && { shadowShare: share }) };
  await catalog.change(name, undefined, "bench", { action: "promote" }, (model) => {
    return model && { ...model, aliases: { ...model.aliases, candidate } };
  });
}

/** @returns requests that were answered */
async function bursts(
  clients: readonly InferClient[],
  question: Buffer,
  seconds: number,
): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let answered = 0;
  while (performance.now() < end) {
    const asked = Array.from({ length: BURST }, (_, at) =>
      clients[at % clients.length]?.infer(question),
    );
    await Promise.all(asked);
    answered += BURST;
    await setTimeout(PAUSE_MS);
  }
  return answered;
}

async function measure(gateway: GatewayUnderTest, load: () => Promise<number>): Promise<Costs> {
  const before = await mark(gateway);
  const requests = await load();
  const after = await mark(gateway);
  const perThousand = (seconds: number) => (1000 * seconds) / requests;
  const withGateway = perThousand(after.live - before.live);
  return {
    live: withGateway - perThousand(after.shadowGateway - before.shadowGateway),
    withGateway,
    requests,
    shadowRows: after.rows - before.rows,
    shadowWorker: after.shadowWorker - before.shadowWorker,
  };
}

async function mark(gateway: GatewayUnderTest) {
  const samples = await scrape(gateway.metricsPort);
  const workers = gateway.workers();
  const shadowed = workers.filter((pid) => niceOf(pid) === LOWEST_PRIORITY);
  const live = workers.filter((pid) => !shadowed.includes(pid));
  const cpu = (pids: readonly number[]) => pids.reduce((total, pid) => total + cpuSeconds(pid), 0);
  return {
    live: cpu([gateway.pid, ...live]),
    shadowWorker: cpu(shadowed),
    shadowGateway: sum(samples, "beamgate_shadow_gateway_seconds_total") ?? 0,
    rows: sum(samples, "beamgate_shadow_rows_total") ?? 0,
  };
}

/** Field 19 of /proc/<pid>/stat. */
function niceOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
  } catch {
    return 0;
  }
}
