/**
 * What edge processes, which speak with the clients, give and cost, beside a gateway that speaks with them itself: how
 * much of the machine is at work, and how much of a request is left for the gateway's own process. Generators, gateway,
 * edges and workers share all cores.
 */

import { startGateway } from "../../support/gateway.ts";
import { makeCertificates } from "../../wire/transport-certificates.ts";
import { type GeneratorsSlice, generators } from "../generators.ts";
import type { Load } from "../load.ts";
import { ratioBench } from "../ratio-bench.ts";
import { type BenchResult, BenchSkipped } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const EDGES = 2;
/** Part of all cores. Beyond it others fill whatever idle time there would have been: the figure would say nothing. */
const MOST_OF_OTHERS = 0.25;

/** Of the time of all cores that nobody else had. @throws BenchSkipped where others had much of it */
export async function cores(setting: Setting): Promise<BenchResult> {
  const result = await withAndWithout(setting, {
    name: "cores",
    measures: `CPU time of gateway, ${EDGES} edges, workers and generators ÷ (that + idle time), many requests in flight`,
    goal: { kind: "at least", value: 0.85 },
    ...{ processes: 2, connections: 32, concurrency: 1024 },
    subjectValue: atWork,
    // The value itself is no ratio; what the control reached is among the figures.
    controlValue: () => 1,
  });
  const others = result.figures[OTHERS] ?? 0;
  if (others > MOST_OF_OTHERS) {
    const part = `${Math.round(100 * others)} %`;
    throw new BenchSkipped(`other processes and the hypervisor had ${part} of all cores meanwhile`);
  }
  return result;
}

/** Many clients with a request each: reading and writing their sockets is most of the work. */
export async function edges(setting: Setting): Promise<BenchResult> {
  return withAndWithout(setting, {
    name: "edges",
    measures: `CPU of the gateway's own process a request, ${EDGES} edges ÷ none, 256 connections with 1 request each`,
    goal: { kind: "at most", value: 0.85 },
    ...{ processes: 1, connections: 256, concurrency: 256 },
    ...{ subjectValue: own, controlValue: own },
  });
}

export async function edgesTls(setting: Setting): Promise<BenchResult> {
  const files = makeCertificates();
  if (files === undefined) throw new BenchSkipped("no openssl to make certificates with");
  try {
    return await withAndWithout(setting, {
      name: "edges-tls",
      measures: "the same over TLS",
      goal: { kind: "at most", value: 0.7 },
      ...{ processes: 1, connections: 256, concurrency: 256 },
      ...{ subjectValue: own, controlValue: own },
      tlsCa: files.rootPath,
      flags: [
        ...["--grpc-use-ssl", "1"],
        ...["--grpc-server-cert", files.serverCertPath, "--grpc-server-key", files.serverKeyPath],
      ],
    });
  } finally {
    files.remove();
  }
}

const OTHERS = "part of all cores that other processes and the hypervisor had";

interface Comparison {
  readonly name: string;
  readonly measures: string;
  readonly goal: NonNullable<BenchResult["goal"]>;
  /** That generate the load. */
  readonly processes: number;
  readonly connections: number;
  readonly concurrency: number;
  readonly subjectValue: (slice: GeneratorsSlice) => number;
  readonly controlValue: (slice: GeneratorsSlice) => number;
  readonly tlsCa?: string;
  /** Of both gateways. */
  readonly flags?: readonly string[];
}

async function withAndWithout(
  { pace, repository, requestFile }: Setting,
  comparison: Comparison,
): Promise<BenchResult> {
  const { processes, connections, concurrency, tlsCa, flags = [] } = comparison;
  const load: Load = {
    body: requestFile(1),
    ...{ connections, concurrency, warmupS: pace.warmupS, seconds: pace.sliceS },
    ...(tlsCa !== undefined && { tlsCa }),
  };
  const client = (server: Parameters<typeof generators>[1]) => generators(processes, server, load);
  const each = (slices: readonly GeneratorsSlice[], figure: (slice: GeneratorsSlice) => number) =>
    median(slices.map(figure));
  const plain = await startGateway({ repository, flags });
  try {
    const edged = await startGateway({
      repository,
      flags: [...flags, "--grpc-edges", String(EDGES)],
    });
    try {
      return await ratioBench({
        ...comparison,
        rounds: pace.rounds,
        subject: served(edged),
        client,
        load,
        control: () => client(served(plain)),
        controlServer: served(plain),
        controlErrors: (slice) => slice.errors,
        figures: (slices, controls) => ({
          "requests/s": each(slices, (slice) => slice.requestsPerSecond),
          "requests/s without edges": each(controls, (slice) => slice.requestsPerSecond),
          "cores at work": each(slices, atWork),
          "cores at work without edges": each(controls, atWork),
          [OTHERS]: each(slices, ({ cores }) => cores.others + cores.stolen),
          "cores at work, had all of that been idle time": each(slices, ({ cores }) => cores.ours),
          "generators, CPU s per 1000": each(slices, ({ cpu }) => cpu.client),
          "gateway without edges, CPU s per 1000": each(controls, own),
          "requests that the gateway's own process can carry, with edges ÷ without":
            each(controls, own) / each(slices, own),
          "CPU of all, with edges ÷ without": each(slices, spent) / each(controls, spent),
        }),
      });
    } finally {
      await edged.stop();
    }
  } finally {
    await plain.stop();
  }
}

const own = ({ cpu }: GeneratorsSlice): number => cpu.server;
const spent = ({ cpu }: GeneratorsSlice): number => cpu.server + cpu.workers + cpu.client;
const atWork = ({ cores: { ours, idle } }: GeneratorsSlice): number => ours / (ours + idle);
