/** Models that nobody here wrote, against outputs that Python's ONNX Runtime gave for them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Datatype, ModelVariant, Tensor } from "../contract.ts";
import { armCpu } from "./backend.ts";

interface GoldenTensor {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly raw_b64: string;
}
interface Golden {
  readonly file: string;
  readonly requests: readonly {
    readonly inputs: Readonly<Record<string, GoldenTensor>>;
    readonly outputs: Readonly<Record<string, GoldenTensor>>;
  }[];
}

const root = fileURLToPath(new URL("../../../shared/models/", import.meta.url));
const folder = join(root, "golden_io");
const names = existsSync(folder) ? readdirSync(folder) : [];
const signal = new AbortController().signal;

describe.skipIf(names.length === 0)("real models of ../shared/models", () => {
  it.each(names)("%s gives the golden outputs", { timeout: 180_000 }, async (name) => {
    const golden = JSON.parse(readFileSync(join(folder, name), "utf8")) as Golden;
    const path = join(root, golden.file.includes("/") ? golden.file : join("onnx", golden.file));
    const artifact = { digest: "", path, format: "onnx", platform: "any" };
    const { inputs = [], outputs = [] } = await armCpu.inspect(artifact);
    // Shapes as the file states them: here the whole tensor is one row of a model without batch axis.
    const variant: ModelVariant = {
      ...{ model: name, version: "1", maxBatchSize: 0, artifact },
      ...{ inputs, outputs },
    };
    const backend = await armCpu.create({}, { log() {} });
    const [device] = await backend.devices();
    if (device === undefined) throw new Error("no device");
    const instance = await backend.load(variant, device, {}, signal);
    for (const request of golden.requests) {
      const got = await instance.execute(
        {
          inputs: Object.entries(request.inputs).map(([input, tensor]) => toTensor(input, tensor)),
          outputs: Object.keys(request.outputs),
          members: [{ rows: 1 }],
          reserve: (byteLength) => new Uint8Array(byteLength),
        },
        signal,
      );
      for (const tensor of got) {
        const expected = request.outputs[tensor.name];
        if (expected === undefined) throw new Error(`unexpected output ${tensor.name}`);
        expectClose(tensor, toTensor(tensor.name, expected));
      }
    }
    await instance.unload();
  });
});

function toTensor(name: string, { datatype, shape, raw_b64 }: GoldenTensor): Tensor {
  // A copy of its own: aligned.
  return { name, datatype, shape, data: Uint8Array.from(Buffer.from(raw_b64, "base64")) };
}

/** Bit for bit on the machine that made the golden outputs; 1e-5 of the largest on another one. */
function expectClose(got: Tensor, expected: Tensor): void {
  expect({ ...got, data: got.data.byteLength }).toEqual({
    ...expected,
    data: expected.data.byteLength,
  });
  if (Buffer.compare(got.data, expected.data) === 0) return;
  expect(got.datatype).toBe("FP32");
  const [a, b] = [got, expected].map(({ data }) => new Float32Array(Uint8Array.from(data).buffer));
  if (a === undefined || b === undefined) return;
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [i, value] of a.entries()) {
    expect(Math.abs(value - (b[i] ?? 0))).toBeLessThanOrEqual(1e-5 * largest);
  }
}
