/**
 * A rolling restart of two gateways behind a real HAProxy: each has workers for an emulated U50, an
 * Intel-style board and the CPU, and they share a Redis. No request of an ordinary client may fail.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { missingXrt } from "../../backends/xilinx-u50/testing/boards.ts";
import type { ClusterReport } from "../../src/inference/gateway-report.ts";
import { type Cases, expect } from "../support/cases.ts";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { type Haproxy, NO_HAPROXY, startHaproxy } from "../support/haproxy.ts";
import { InferClient } from "../support/infer-client.ts";
import { scrape, sum } from "../support/metrics.ts";
import { temporaryRepository } from "../support/model-repository.ts";
import { eventually } from "../support/process-tree.ts";
import { NO_REDIS, startRedis } from "../support/redis/redis-server.ts";
import { addSimpleOnBoards } from "../support/simple-on-boards.ts";
import { simpleQuestion } from "./questions.ts";

const REQUESTS = 20_000;
const CLIENTS = 96;
const CONNECTIONS = 12;
/** Which variant of the model, and so which kind of worker, a client's requests go to, in turn. */
const VARIANTS = ["arm-cpu", "u50", "intel"] as const;
const REQUEST_LIMIT_MS = 60_000;
const SEEN_LIMIT_MS = 60_000;

interface Seat {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly metricsPort: number;
}

export async function rollingRestart(cases: Cases, short: boolean): Promise<void> {
  const missing = NO_HAPROXY ?? NO_REDIS ?? missingXrt();
  if (missing !== undefined) {
    if (env["CI"]) await cases.run("rolling", () => Promise.reject(new Error(missing)));
    else cases.skip("a rolling restart behind HAProxy", missing);
    return;
  }
  const requests = short ? REQUESTS / 4 : REQUESTS;
  const repository = temporaryRepository();
  addSimpleOnBoards(repository.folder);
  const config = join(repository.folder, "gateway.yaml");
  const backends = [
    { kind: "xilinx-u50", options: { emulated: { boards: 1 } } },
    { kind: "intel-fpga", options: { emulated: { boards: 1 } } },
  ];
  writeFileSync(config, JSON.stringify({ backends }));
  const redis = await startRedis();
  const seats = [await seat(), await seat()] as const;
  const start = ({ grpcPort, httpPort, metricsPort }: Seat) =>
    startGateway({
      repositories: [repository.folder],
      flags: [
        ...["--config", config, "--redis-url", redis.url],
        ...["--redis-announce", `127.0.0.1:${grpcPort}`, "--grpc-port", `${grpcPort}`],
        ...["--http-port", `${httpPort}`, "--metrics-port", `${metricsPort}`],
      ],
    });
  const running: GatewayProcess[] = [];
  let haproxy: Haproxy | undefined;
  try {
    for (const each of seats) running.push(await start(each));
    const front = await startHaproxy(seats);
    haproxy = front;
    await up(front, running);
    const load = new CountedLoad(front.grpcPort, requests);
    const exits: string[] = [];
    const shares: number[] = [];
    for (const [at, place] of seats.entries()) {
      await load.reached(((at + 1) * requests) / 4);
      const old = running[at];
      expect(old !== undefined, "it was started");
      shares.push(sum(await scrape(old.metricsPort), "nv_inference_request_success") ?? 0);
      process.kill(old.pid, "SIGTERM");
      exits.push(JSON.stringify(await old.exited));
      running[at] = await start(place);
      await up(front, running);
    }
    const { answered, failed, seconds } = await load.end();
    const retries = await front.retries();
    await cases.run(
      `a rolling restart of two gateways behind HAProxy under ${requests} requests: 0 failed`,
      () => {
        expect(
          failed.length === 0,
          `${failed.length} of ${answered} failed: ${failed[0]}\n${front.log()}`,
        );
        expect(answered >= requests, `only ${answered} were answered`);
        return (
          `${answered} answered by ${VARIANTS.join(", ")} in ${seconds.toFixed(0)} s, ` +
          `${retries} sent again by HAProxy, none by a client`
        );
      },
    );
    await cases.run("both took part, and ended with status 0", () => {
      expect(Math.min(...shares) > 0, `requests until the restart: ${shares.join(", ")}`);
      const clean = exits.every((exit) => exit === '{"code":0,"signal":null}');
      expect(clean, exits.join(" "));
      return `requests until the restart: ${shares.join(", ")}`;
    });
  } finally {
    await haproxy?.stop();
    await Promise.all(running.map((gateway) => gateway.stop()));
    await redis.remove();
    repository.remove();
  }
}

async function seat(): Promise<Seat> {
  return { grpcPort: await freePort(), httpPort: await freePort(), metricsPort: await freePort() };
}

/** Resolves when HAProxy sends to both, and both know of each other. */
async function up(haproxy: Haproxy, gateways: readonly GatewayProcess[]): Promise<void> {
  const both = async () => {
    const states = await Promise.all([haproxy.isUp(0), haproxy.isUp(1)]);
    const reports = await Promise.all(gateways.map(reportOf));
    return states.every(Boolean) && reports.every((each) => each.gateways.length === 2);
  };
  const seen = await eventually(both, SEEN_LIMIT_MS, 100);
  expect(seen !== undefined, `the gateways are not up for HAProxy:\n${haproxy.log()}`);
}

async function reportOf({ httpPort }: GatewayProcess): Promise<ClusterReport> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/v2/beamgate/gateways`);
  return (await answer.json()) as ClusterReport;
}

/** Closed loops that never send anything twice. */
class CountedLoad {
  answered = 0;
  readonly failed: string[] = [];
  readonly #began = performance.now();
  readonly #connections: InferClient[];
  readonly #loops: Promise<void>[];
  readonly #least: number;
  #stopped = false;

  constructor(port: number, least: number) {
    this.#least = least;
    this.#connections = Array.from(
      { length: CONNECTIONS },
      () => new InferClient(port, { "grpc.enable_retries": 0 }),
    );
    this.#loops = Array.from({ length: CLIENTS }, (_, client) => this.#loop(client));
  }

  async #loop(client: number): Promise<void> {
    const connection = this.#connections[client % CONNECTIONS];
    const headers = { "beamgate-variant": VARIANTS[client % VARIANTS.length] ?? "" };
    for (let turn = 0; !this.#stopped || this.answered < this.#least; turn += 1) {
      const question = simpleQuestion(1 + (turn % 3), client * 100_003 + turn);
      const trouble = await connection
        ?.infer(question.bytes, REQUEST_LIMIT_MS, headers)
        .then((answer) => question.check(answer))
        .catch((thrown: unknown) => `${headers["beamgate-variant"]}: ${String(thrown)}`);
      this.answered += 1;
      if (trouble !== undefined) this.failed.push(trouble);
    }
  }

  /** Resolves when so many were answered. */
  async reached(count: number): Promise<void> {
    const took = await eventually(() => this.answered >= count, 300_000, 20);
    expect(took !== undefined, `only ${this.answered} of ${count} requests were answered`);
  }

  /** Ends when at least as many as were wanted are answered. */
  async end() {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const connection of this.#connections) connection.close();
    const seconds = (performance.now() - this.#began) / 1000;
    return { answered: this.answered, failed: this.failed, seconds };
  }
}
