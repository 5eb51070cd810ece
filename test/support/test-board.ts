/**
 * Boards that need no library: each holds one artifact, `{"add": n, "usPerRow": t}`, and adds n to what it is sent,
 * which takes it t µs a row (default 0), and a load `loadMs` (default 0).
 * A file says what goes wrong on which board, read anew at every load and execution.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  BackendError,
  type BackendModule,
  type Device,
  type Execution,
  type ModelInstance,
  type Tensor,
} from "../../backends/contract.ts";

interface Image {
  readonly add: number;
  readonly usPerRow?: number;
  readonly loadMs?: number;
}

interface Options {
  readonly boards: number;
  /** `{"test-board-0": FAULT}`: fail, die, hang, refuse, slow (ten times), hold (until it is told otherwise), or what is wrong with its answers: short, long, misnamed, none. */
  readonly faultsFile?: string;
  /** Gets a line an execution: when it began (`process.hrtime`, one clock for all processes, ms) and the first number of each request. */
  readonly executionsFile?: string;
}

function fault({ faultsFile }: Options, device: string): string | undefined {
  if (faultsFile === undefined) return undefined;
  return (JSON.parse(readFileSync(faultsFile, "utf8")) as Record<string, string>)[device];
}

const never = new Int32Array(new SharedArrayBuffer(4));

function instanceOn(device: Device, options: Options, { add, usPerRow = 0 }: Image): ModelInstance {
  return {
    device,
    async execute({ inputs, members, reserve }: Execution) {
      const [input] = inputs;
      if (input === undefined) throw new BackendError("input", "no input");
      const wrong = fault(options, device.id);
      if (wrong === "fail") throw new BackendError("device", `${device.id} failed as it was told`);
      if (wrong === "die") process.kill(process.pid, "SIGKILL");
      if (wrong === "hang") await new Promise(() => {});
      const rows = members.reduce((sum, member) => sum + member.rows, 0);
      if (options.executionsFile !== undefined) writeDown(options.executionsFile, input, members);
      while (fault(options, device.id) === "hold") {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const us = rows * usPerRow * (wrong === "slow" ? 10 : 1);
      if (us > 0) Atomics.wait(never, 0, 0, us / 1000);
      if (wrong === "none") return [];
      const values = new Float32Array(new Uint8Array(input.data).buffer).map((x) => x + add);
      const bytes = new Uint8Array(values.buffer);
      if (wrong === "short" || wrong === "long") {
        const length = wrong === "short" ? bytes.length / 2 : bytes.length * 2;
        return [{ name: "y", datatype: "FP32", shape: input.shape, data: new Uint8Array(length) }];
      }
      const data = reserve(bytes.length) ?? bytes;
      data.set(bytes);
      const name = wrong === "misnamed" ? "z" : "y";
      return [{ name, datatype: "FP32", shape: input.shape, data }];
    },
    async unload() {},
  };
}

function writeDown(file: string, { data }: Tensor, members: Execution["members"]): void {
  const rows = members.reduce((sum, member) => sum + member.rows, 0);
  const numbers = new Float32Array(new Uint8Array(data).buffer);
  const line = [Number(process.hrtime.bigint()) / 1e6];
  let row = 0;
  for (const member of members) {
    line.push(numbers[(row * numbers.length) / rows] ?? Number.NaN);
    row += member.rows;
  }
  appendFileSync(file, `${line.join(" ")}\n`);
}

const testBoard: BackendModule = {
  kind: "test-board",
  platforms: ["test-board"],
  perDevice: true,
  formats: { board: "model.board" },
  async inspect({ path }) {
    JSON.parse(await readFile(path, "utf8"));
    return { platform: "tb1" };
  },
  async create(given) {
    const options = given as Options;
    const devices = Array.from(
      { length: options.boards },
      (_, at): Device => ({
        id: `test-board-${at}`,
        vendor: "test",
        platform: "tb1",
        emulated: true,
        reconfigurable: true,
      }),
    );
    return {
      kind: "test-board",
      devices: async () => devices,
      async load(variant, device) {
        if (fault(options, device.id) === "refuse") {
          throw new BackendError("artifact", `${device.id} refuses the image`);
        }
        const image = JSON.parse(await readFile(variant.artifact.path, "utf8")) as Image;
        if (image.loadMs) Atomics.wait(never, 0, 0, image.loadMs);
        return instanceOn(device, options, image);
      },
      async close() {},
    };
  },
};

export default testBoard;
