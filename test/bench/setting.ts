/** What all benches share: one gateway with the jet tagger, its requests as files, how long to measure. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import ort from "onnxruntime-node";
import { type GatewayUnderTest, startGateway } from "../support/gateway.ts";
import type { Served } from "./child.ts";
import { inferMessage } from "./infer-message.ts";
import type { LoadClient } from "./load.ts";
import { randomFloats } from "./random-floats.ts";

export interface Pace {
  readonly rounds: number;
  /** Seconds of one slice of load. */
  readonly sliceS: number;
  readonly warmupS: number;
  /** Requests of the memory bench. */
  readonly memoryRequests: number;
  /** Seconds of the event-loop bench. */
  readonly eventLoopS: number;
}

export const FULL: Pace = {
  rounds: 7,
  sliceS: 4,
  warmupS: 0.5,
  memoryRequests: 1_000_000,
  eventLoopS: 30,
};
export const QUICK: Pace = {
  rounds: 5,
  sliceS: 1.5,
  warmupS: 0.3,
  memoryRequests: 200_000,
  eventLoopS: 8,
};

export interface Setting {
  readonly pace: Pace;
  readonly client: LoadClient;
  readonly model: BenchModel;
  /** Deleted at the end. */
  readonly folder: string;
  /** A model repository with the model alone. */
  readonly repository: string;
  /** File with a request of so many rows for the model. */
  requestFile(rows: number): string;
  /** A gateway that serves the model alone; the same one for every bench that asks. */
  gateway(): Promise<GatewayUnderTest>;
  /** That gateway, if any bench has asked. */
  startedGateway(): Promise<GatewayUnderTest | undefined>;
  close(): Promise<void>;
}

export interface BenchModel {
  /** Folder in Triton's layout. */
  readonly folder: string;
  readonly name: string;
  /** Of version 1. */
  readonly file: string;
  readonly input: string;
  /** Elements of one row. */
  readonly rowLength: number;
}

export async function makeSetting(
  pace: Pace,
  client: LoadClient,
  modelFolder: string,
): Promise<Setting> {
  const model = await readModel(modelFolder);
  const folder = mkdtempSync(join(tmpdir(), "beamgate-bench-"));
  const repository = join(folder, "models");
  cpSync(model.folder, join(repository, model.name), { recursive: true });
  let gateway: Promise<GatewayUnderTest> | undefined;
  return {
    pace,
    client,
    model,
    folder,
    repository,
    requestFile(rows) {
      const file = join(folder, `${model.name}-${rows}.bin`);
      const values = randomFloats(rows * model.rowLength);
      writeFileSync(file, inferMessage(model.name, model.input, [rows, model.rowLength], values));
      return file;
    },
    gateway() {
      gateway ??= startGateway({ repository });
      return gateway;
    },
    startedGateway: async () => gateway,
    async close() {
      const started = await gateway?.catch(() => undefined);
      await started?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function served(gateway: GatewayUnderTest): Served {
  return { port: gateway.grpcPort, pid: gateway.pid, workers: () => gateway.workers() };
}

async function readModel(folder: string): Promise<BenchModel> {
  const file = join(folder, "1", "model.onnx");
  const session = await ort.InferenceSession.create(file);
  const [input] = session.inputMetadata;
  const rowLength = input?.isTensor ? Number(input.shape[1]) : Number.NaN;
  if (!input?.isTensor || input.type !== "float32" || input.shape.length !== 2 || !rowLength) {
    throw new Error(`${file}: the bench wants a model with one FP32 input of shape [rows, n]`);
  }
  await session.release();
  return { folder, name: basename(folder), file, input: input.name, rowLength };
}
