import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  bytes,
  fp32,
  lying,
  onnxExamples,
  specs,
  variant,
} from "../../test/support/onnx-examples.ts";
import { readCpuSensors } from "../common/sensors/cpu.ts";
import { backendConformance } from "../conformance.ts";
import type { ModelVariant, Tensor } from "../contract.ts";
import { armCpu } from "./backend.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-arm-cpu-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;
const examples = onnxExamples(folder);
const addSubVariant = examples.batched.variant;

async function load(of: ModelVariant) {
  const backend = await armCpu.create({}, { log() {} });
  const [device] = await backend.devices();
  if (device === undefined) throw new Error("no device");
  return backend.load(of, device, {}, signal);
}

const execution = (inputs: readonly Tensor[], outputs: readonly string[]) => ({
  inputs,
  outputs,
  members: [{ rows: inputs[0]?.shape[0] ?? 1 }],
  reserve: (): Uint8Array | undefined => undefined,
});

describe("arm-cpu", () => {
  backendConformance({ module: armCpu, ...examples });

  it("tells the true architecture", async () => {
    const backend = await armCpu.create({}, { log() {} });
    const [device] = await backend.devices();
    expect(device?.platform).toBe(`${process.platform}/${process.arch}`);
    expect(device?.emulated).toBeUndefined();
  });

  it("says of its sensors what this host has, under the id of the device", async () => {
    const backend = await armCpu.create({}, { log() {} });
    const [device] = await backend.devices();
    const sensors = (await backend.sensors?.()) ?? [];
    expect(sensors).toHaveLength((await readCpuSensors()) === undefined ? 0 : 1);
    for (const { id, temperatureC = 40, source } of sensors) {
      expect(id).toBe(device?.id);
      expect(temperatureC).toBeGreaterThan(0);
      expect(temperatureC).toBeLessThan(130);
      expect(source).toMatch(/^(hwmon|thermal zone) /);
    }
  });

  it("names the output that a model does not have, and those it has", async () => {
    const wrong = load({ ...addSubVariant, outputs: specs("FP32", [2], "product") });
    await expect(wrong).rejects.toThrow('no output "product"; it has "sum", "difference"');
  });

  it("refuses a configured datatype that is not the model's", async () => {
    const wrong = load({ ...addSubVariant, inputs: specs("INT32", [2], "x", "y") });
    await expect(wrong).rejects.toThrow('input "x": configured INT32, the model has FP32');
  });

  it("writes outputs straight into memory it is given", async () => {
    const instance = await load(addSubVariant);
    const room = new ArrayBuffer(64);
    const [sum] = await instance.execute(
      {
        ...execution([fp32("x", [1, 2], [1, 2]), fp32("y", [1, 2], [3, 4])], ["sum"]),
        reserve: (byteLength) => new Uint8Array(room, 0, byteLength),
      },
      signal,
    );
    expect(sum?.data.buffer).toBe(room);
    expect([...new Float32Array(room, 0, 2)]).toEqual([4, 6]);
  });
});

describe("texts that ONNX Runtime would not receive as they were sent", () => {
  it.each([
    ["not UTF-8", Uint8Array.of(0x66, 0xff), /input "x": BYTES element 1 is not valid UTF-8/],
    ["with a NUL", "a\0b", /input "x": BYTES element 1 contains a NUL byte/],
  ])("%s: refused by name and position", async (_, element, reason) => {
    const instance = await load(examples.texts.variant);
    const run = instance.execute(execution([bytes("x", ["ok", element])], ["y"]), signal);
    await expect(run).rejects.toMatchObject({ fault: "input" });
    await expect(
      instance.execute(execution([bytes("x", ["ok", element])], ["y"]), signal),
    ).rejects.toThrow(reason);
  });
});

describe("a model that computes another shape than its file promises", () => {
  it("is served with the shape that it computes", async () => {
    const instance = await load(
      variant({
        inputs: [...specs("FP32", [2], "x"), ...specs("INT64", [], "to")],
        outputs: specs("FP32", [-1], "y"),
        artifact: lying(folder),
      }),
    );
    const to: Tensor = {
      name: "to",
      datatype: "INT64",
      shape: [2],
      data: new Uint8Array(BigInt64Array.of(2n, 2n).buffer),
    };
    const inputs = [fp32("x", [2, 2], [1, 2, 3, 4]), to];
    for (let i = 0; i < 2; i++) {
      const [y] = await instance.execute(
        { ...execution(inputs, ["y"]), reserve: (byteLength) => new Uint8Array(byteLength) },
        signal,
      );
      expect(y?.shape).toEqual([2, 2]);
      expect([...new Float32Array(Uint8Array.from(y?.data ?? []).buffer)]).toEqual([1, 2, 3, 4]);
    }
  });
});
