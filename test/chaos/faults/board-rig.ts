/** A gateway with boards that fail as they are told, and a model beside them on the CPU that must not notice. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DeviceReport } from "../../../src/inference/device-report.ts";
import { type GatewayProcess, startGateway } from "../../support/gateway-process.ts";
import { encodeQuestion } from "../../support/infer-messages.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import { addBoardModel, withBoards } from "../../support/models-on-boards.ts";
import type { Question } from "../load.ts";

/** See test/support/test-board.ts. */
type BoardFault =
  | ("fail" | "die" | "hang" | "refuse" | "slow" | "hold")
  | ("short" | "long" | "misnamed" | "none");

export interface BoardRig {
  readonly gateway: GatewayProcess;
  /** What was executed, see test-board.ts. */
  readonly executionsFile: string;
  misbehave(faults: Readonly<Record<string, BoardFault>>): void;
  device(id: string): Promise<DeviceReport>;
  tell(id: string, action: "drain" | "undrain"): Promise<void>;
  stop(): Promise<void>;
}

export interface BoardRigOptions {
  readonly boards: number;
  /** Of the model `board`, which every board holds, and whose rows are FP32[2] → the same plus one. */
  readonly maxBatchSize: number;
  readonly usPerRow: number;
  readonly writeDown?: boolean;
  /** Of the configuration. */
  readonly settings?: object;
  /** Of the gateway, see gateway-process.ts. */
  readonly launcher?: readonly string[];
}

export async function startBoardRig(options: BoardRigOptions): Promise<BoardRig> {
  const repository = temporaryRepository();
  const { boards, maxBatchSize, usPerRow, writeDown = false, settings = {} } = options;
  const everywhere = `parameters { key: "min_boards" value { string_value: "${boards}" } }`;
  addBoardModel(repository, { name: "board", maxBatchSize, usPerRow, more: everywhere });
  repository.add("other", echoConfig({ name: "other", maxBatchSize: 8, dims: [2], delayMs: 5 }));
  const faultsFile = join(repository.folder, "faults.json");
  const executionsFile = join(repository.folder, "executions");
  const misbehave = (faults: object) => {
    writeFileSync(`${faultsFile}.new`, JSON.stringify(faults));
    renameSync(`${faultsFile}.new`, faultsFile);
  };
  misbehave({});
  const told = { boards, faultsFile, ...(writeDown ? { executionsFile } : {}) };
  const flags = withBoards(repository, told, settings);
  const gateway = await startGateway({
    ...{ repositories: [repository.folder], flags },
    ...(options.launcher ? { launcher: options.launcher } : {}),
  });
  const devices = `http://127.0.0.1:${gateway.httpPort}/v2/beamgate/devices`;
  return {
    gateway,
    executionsFile,
    misbehave,
    async device(id) {
      const all = (await (await fetch(devices)).json()) as DeviceReport[];
      const found = all.find((each) => each.id === id);
      if (!found) throw new Error(`there is no device ${id}`);
      return found;
    },
    async tell(id, action) {
      const { ok, status } = await fetch(`${devices}/${id}/${action}`, { method: "POST" });
      if (!ok) throw new Error(`${action} of ${id}: ${status}`);
    },
    async stop() {
      await gateway.stop();
      repository.remove();
    },
  };
}

/** For a model of the rig: rows of two numbers, which come back with `added`. */
export function rowsQuestion(model: string, rows: number, seed: number, added: number): Question {
  const values = Float32Array.from({ length: rows * 2 }, (_, at) => (seed % 1_000_003) + at);
  const expected = Buffer.from(values.map((value) => value + added).buffer);
  const [input, output] = added === 0 ? ["INPUT0", "OUTPUT0"] : ["x", "y"];
  return {
    bytes: encodeQuestion({
      model,
      inputs: [
        { name: input, datatype: "FP32", shape: [rows, 2], data: new Uint8Array(values.buffer) },
      ],
    }),
    check(answer) {
      const got = answer.outputs.get(output);
      return got && expected.equals(got) ? undefined : `wrong answer: request ${seed}`;
    },
  };
}
