/**
 * A 16 MB input through system shared memory against the same request by value.
 * The model gives back its small second tensor, so that the answer costs nothing.
 */
import { closeSync, openSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pid } from "node:process";
import { type Client, credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { loadInferenceDefinition } from "../../../src/grpc/rpc/definition.ts";
import { type GatewayUnderTest, startGateway } from "../../support/gateway.ts";
import { temporaryRepository } from "../../support/model-repository.ts";
import { rawHttp2Client } from "../load.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const BYTES = 16 * 2 ** 20;
const REGION = "bench";
const MODEL = "large";
const CONFIG = `
name: "${MODEL}" backend: "echo" max_batch_size: 0
input [ { name: "LARGE" data_type: TYPE_FP32 dims: [ -1 ] },
        { name: "SMALL" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "SAME" data_type: TYPE_FP32 dims: [ -1 ] },
         { name: "ANSWER" data_type: TYPE_FP32 dims: [ 1 ] } ]
`;

export async function sharedMemory(setting: Setting): Promise<BenchResult> {
  const { pace, folder } = setting;
  const models = temporaryRepository();
  models.add(MODEL, CONFIG);
  const key = `/beamgate_bench_${pid}`;
  const shared = `/dev/shm${key}`;
  let gateway: GatewayUnderTest | undefined;
  let client: Registration | undefined;
  try {
    fill(shared);
    gateway = await startGateway({
      repository: models.folder,
      flags: ["--allow-client-shm=true"],
    });
    client = await register(gateway.grpcPort, key);
    const byValue = join(folder, "by-value.bin");
    const byRegion = join(folder, "by-region.bin");
    writeFileSync(byValue, question([Buffer.alloc(BYTES), Buffer.alloc(4)]));
    writeFileSync(byRegion, question([Buffer.alloc(4)], true));
    const load = { concurrency: 4, connections: 4, warmupS: pace.warmupS, seconds: pace.sliceS };
    const subject = served(gateway);
    return await ratioBench({
      name: "shared-memory",
      measures: "requests/s with a 16 MB input in shared memory ÷ by value",
      goal: { kind: "at least", value: 3 },
      rounds: pace.rounds,
      warmUpRequests: 100,
      subject,
      load: { ...load, body: byRegion },
      client: rawHttp2Client,
      control: () => rawHttp2Client(subject, { ...load, body: byValue }),
      subjectValue: (slice) => slice.requestsPerSecond,
      controlValue: (slice) => slice.requestsPerSecond,
      controlErrors: (slice) => slice.errors,
      figures: (slices, controls) => ({
        "requests/s through shared memory": median(slices.map((s) => s.requestsPerSecond)),
        "requests/s by value": median(controls.map((slice) => slice.requestsPerSecond)),
      }),
    });
  } finally {
    client?.close();
    await gateway?.stop();
    models.remove();
    unlinkSync(shared);
  }
}

function fill(path: string): void {
  const file = openSync(path, "w", 0o600);
  writeSync(file, Buffer.alloc(BYTES, 1));
  closeSync(file);
}

function question(raw: readonly Buffer[], inRegion = false): Uint8Array {
  const method = loadInferenceDefinition().service["ModelInfer"];
  if (method === undefined) throw new Error("no ModelInfer");
  const region = {
    shared_memory_region: { string_param: REGION },
    shared_memory_byte_size: { int64_param: String(BYTES) },
  };
  return method.requestSerialize({
    model_name: MODEL,
    inputs: [
      {
        name: "LARGE",
        datatype: "FP32",
        shape: [BYTES / 4],
        ...(inRegion ? { parameters: region } : {}),
      },
      { name: "SMALL", datatype: "FP32", shape: [1] },
    ],
    outputs: [{ name: "ANSWER" }],
    raw_input_contents: raw,
  });
}

interface Registration {
  close(): void;
}

/** The region lives as long as the connection that registered it. */
async function register(port: number, key: string): Promise<Registration> {
  const { service } = loadInferenceDefinition();
  const Service = makeGenericClientConstructor(service, "GRPCInferenceService");
  const client: Client = new Service(`127.0.0.1:${port}`, credentials.createInsecure());
  const method = service["SystemSharedMemoryRegister"];
  if (method === undefined) throw new Error("no SystemSharedMemoryRegister");
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      { name: REGION, key, byte_size: String(BYTES) },
      (error) => (error ? reject(error) : resolve()),
    );
  });
  return client;
}
