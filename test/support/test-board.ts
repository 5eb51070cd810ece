/**
 * Boards that need no library: each holds one artifact, `{"add": n}`, and adds n to what it is sent.
 * A file says what goes wrong on which board, read anew at every load and execution.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  BackendError,
  type BackendModule,
  type Device,
  type Execution,
  type ModelInstance,
} from "../../backends/contract.ts";

interface Options {
  readonly boards: number;
  /** `{"test-board-0": "fail" | "die" | "hang" | "refuse"}` */
  readonly faultsFile?: string;
}

function fault({ faultsFile }: Options, device: string): string | undefined {
  if (faultsFile === undefined) return undefined;
  return (JSON.parse(readFileSync(faultsFile, "utf8")) as Record<string, string>)[device];
}

function instanceOn(device: Device, options: Options, add: number): ModelInstance {
  return {
    device,
    async execute({ inputs, reserve }: Execution) {
      const [input] = inputs;
      if (input === undefined) throw new BackendError("input", "no input");
      const wrong = fault(options, device.id);
      if (wrong === "fail") throw new BackendError("device", `${device.id} failed as it was told`);
      if (wrong === "die") process.kill(process.pid, "SIGKILL");
      if (wrong === "hang") await new Promise(() => {});
      const values = new Float32Array(new Uint8Array(input.data).buffer).map((x) => x + add);
      const bytes = new Uint8Array(values.buffer);
      const data = reserve(bytes.length) ?? bytes;
      data.set(bytes);
      return [{ name: "y", datatype: "FP32", shape: input.shape, data }];
    },
    async unload() {},
  };
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
        const { add } = JSON.parse(await readFile(variant.artifact.path, "utf8")) as {
          add: number;
        };
        return instanceOn(device, options, add);
      },
      async close() {},
    };
  },
};

export default testBoard;
