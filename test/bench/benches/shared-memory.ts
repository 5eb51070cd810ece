/**
 * A 16 MB input through system shared memory against the same request by value.
 * The model gives back its small second tensor, so that the answer costs nothing.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GatewayUnderTest, startGateway } from "../../support/gateway.ts";
import { temporaryRepository } from "../../support/model-repository.ts";
import { rawHttp2Client } from "../load.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";
import { inferQuestion, inRegion, SharedRegion } from "../shared-region.ts";

const BYTES = 16 * 2 ** 20;
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
  const region = new SharedRegion(Buffer.alloc(BYTES, 1));
  let gateway: GatewayUnderTest | undefined;
  try {
    gateway = await startGateway({
      repository: models.folder,
      flags: ["--allow-client-shm=true"],
    });
    await region.register(gateway.grpcPort);
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
    region.remove();
    await gateway?.stop();
    models.remove();
  }
}

function question(raw: readonly Buffer[], shared = false): Uint8Array {
  return inferQuestion({
    model_name: MODEL,
    inputs: [
      {
        name: "LARGE",
        datatype: "FP32",
        shape: [BYTES / 4],
        ...(shared ? { parameters: inRegion(BYTES) } : {}),
      },
      { name: "SMALL", datatype: "FP32", shape: [1] },
    ],
    outputs: [{ name: "ANSWER" }],
    raw_input_contents: raw,
  });
}
