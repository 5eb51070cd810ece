/** One-row requests over HTTP with binary tensors against the same over gRPC, same gateway. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientProcess } from "../client-process.ts";
import { rawHttp2Client } from "../load.ts";
import { randomFloats } from "../random-floats.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const CLIENT = "test/bench/processes/http-client.js";

export async function httpBinary(setting: Setting): Promise<BenchResult> {
  const { pace, model, folder } = setting;
  const gateway = await setting.gateway();
  const load = {
    body: setting.requestFile(1),
    concurrency: 64,
    connections: 4,
    warmupS: pace.warmupS,
    seconds: pace.sliceS,
  };
  const values = randomFloats(model.rowLength);
  const tensor = {
    name: model.input,
    datatype: "FP32",
    shape: [1, model.rowLength],
    parameters: { binary_data_size: values.byteLength },
  };
  const header = Buffer.from(
    JSON.stringify({ inputs: [tensor], parameters: { binary_data_output: true } }),
  );
  const body = join(folder, "http.bin");
  writeFileSync(body, Buffer.concat([header, Buffer.from(values.buffer)]));
  const path = `/v2/models/${model.name}/infer`;
  const pipelining = load.concurrency / load.connections;
  const target = [gateway.httpPort, path, body, header.length].map(String);
  const shape = [load.connections, pipelining, load.warmupS, Math.ceil(load.seconds)].map(String);
  return ratioBench({
    name: "http",
    measures: "1-row requests/s over HTTP (binary, autocannon) ÷ over gRPC, 64 in flight",
    goal: { kind: "at least", value: 0.5 },
    rounds: pace.rounds,
    subject: served(gateway),
    load,
    client: (server) => clientProcess(server, CLIENT, [...target, ...shape]),
    control: () => rawHttp2Client(served(gateway), load),
    subjectValue: (slice) => slice.requestsPerSecond,
    controlValue: (slice) => slice.requestsPerSecond,
    controlErrors: (slice) => slice.errors,
    figures: (slices, controls) => ({
      "HTTP requests/s": median(slices.map((slice) => slice.requestsPerSecond)),
      "HTTP p99 ms": median(slices.map((slice) => slice.p99Ms ?? Number.NaN)),
      "gRPC requests/s": median(controls.map((slice) => slice.requestsPerSecond)),
      "client CPU s per 1000": median(slices.map(({ cpu }) => cpu.client ?? Number.NaN)),
    }),
  });
}
