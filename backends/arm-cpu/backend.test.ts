import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { OnnxGraph } from "../../models/make/onnx/onnx-graph.ts";
import { backendConformance } from "../conformance.ts";
import type { Artifact, Datatype, ModelVariant, Tensor, TensorSpec } from "../contract.ts";
import { armCpu } from "./backend.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-arm-cpu-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;

function saved(graph: OnnxGraph, name: string): Artifact {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish());
  return { digest: "", path, format: "onnx", platform: "any" };
}

/** sum = x + y, difference = x - y, rows of two numbers. */
function addSub(): Artifact {
  const graph = new OnnxGraph("addsub", "sum and difference");
  const x = graph.input("x", "FP32", ["batch", 2]);
  const y = graph.input("y", "FP32", ["batch", 2]);
  graph.output(graph.node("Add", [x, y], {}, "sum"), "FP32", ["batch", 2]);
  graph.output(graph.node("Sub", [x, y], {}, "difference"), "FP32", ["batch", 2]);
  return saved(graph, "addsub");
}

function identity(type: "BYTES" | "INT64", shape: readonly (number | string)[]): Artifact {
  const graph = new OnnxGraph("identity", "its input");
  graph.output(graph.node("Identity", [graph.input("x", type, shape)], {}, "y"), type, shape);
  return saved(graph, `identity-${type}`);
}

/** Promises rows of one number and returns rows of two. */
function lying(): Artifact {
  const graph = new OnnxGraph("lying", "promises another shape than it computes");
  const x = graph.input("x", "FP32", ["batch", 2]);
  graph.output(graph.node("Reshape", [x, graph.input("to", "INT64", [2])], {}, "y"), "FP32", [
    "batch",
    1,
  ]);
  return saved(graph, "lying");
}

const specs = (datatype: Datatype, shape: readonly number[], ...names: string[]): TensorSpec[] =>
  names.map((name) => ({ name, datatype, shape }));

function variant(of: Pick<ModelVariant, "inputs" | "outputs" | "artifact">, maxBatchSize = 8) {
  return { model: "m", version: "1", maxBatchSize, ...of };
}

const fp32 = (name: string, shape: readonly number[], values: readonly number[]): Tensor => ({
  name,
  datatype: "FP32",
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

function bytes(name: string, elements: readonly (string | Uint8Array)[]): Tensor {
  const data = elements.flatMap((element) => {
    const content = Buffer.from(element);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(content.length);
    return [length, content];
  });
  return { name, datatype: "BYTES", shape: [elements.length, 1], data: Buffer.concat(data) };
}

const addSubVariant = variant({
  inputs: specs("FP32", [2], "x", "y"),
  outputs: specs("FP32", [2], "sum", "difference"),
  artifact: addSub(),
});
const textVariant = variant({
  inputs: specs("BYTES", [1], "x"),
  outputs: specs("BYTES", [1], "y"),
  artifact: identity("BYTES", ["batch", 1]),
});

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
  const int64 = (name: string): Tensor => ({
    name,
    datatype: "INT64",
    shape: [3],
    data: new Uint8Array(BigInt64Array.of(1n, -(2n ** 62n), 3n).buffer),
  });
  backendConformance({
    module: armCpu,
    batched: {
      variant: addSubVariant,
      inputs: [fp32("x", [2, 2], [1, 2, 3, 4]), fp32("y", [2, 2], [0.5, 0.25, 8, 16])],
      outputs: [
        fp32("sum", [2, 2], [1.5, 2.25, 11, 20]),
        fp32("difference", [2, 2], [0.5, 1.75, -5, -12]),
      ],
    },
    unbatched: {
      variant: variant(
        {
          inputs: specs("INT64", [-1], "x"),
          outputs: specs("INT64", [-1], "y"),
          artifact: identity("INT64", ["n"]),
        },
        0,
      ),
      inputs: [int64("x")],
      outputs: [int64("y")],
    },
    texts: {
      variant: textVariant,
      inputs: [bytes("x", ["μ⁺μ⁻", "", "\ufeffbom"])],
      outputs: [bytes("y", ["μ⁺μ⁻", "", "\ufeffbom"])],
    },
    misfit: [fp32("x", [2, 3], [1, 2, 3, 4, 5, 6]), fp32("y", [2, 2], [1, 2, 3, 4])],
    unservable: { ...addSubVariant, outputs: specs("FP32", [2], "product") },
  });

  it("tells the true architecture", async () => {
    const backend = await armCpu.create({}, { log() {} });
    const [device] = await backend.devices();
    expect(device?.platform).toBe(`${process.platform}/${process.arch}`);
    expect(device?.emulated).toBeUndefined();
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
    const instance = await load(textVariant);
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
        artifact: lying(),
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
