import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OnnxGraph } from "../../../models/make/onnx/onnx-graph.ts";
import { field, message } from "../../../test/support/make-protobuf.ts";
import { quickestMs } from "../../../test/support/quickest.ts";
import type { ArtifactFacts } from "../../contract.ts";
import { BackendError, type TensorSpec } from "../../contract.ts";
import { describeOnnx, inspectOnnx } from "./artifact.ts";

const shared = fileURLToPath(new URL("../../../../shared/models/", import.meta.url));
const modelFiles = await readdir(shared, { recursive: true })
  .then((names) => names.filter((name) => name.endsWith(".onnx")).sort())
  .catch((): string[] => []);
const refused = /neg_qonnx|synthetic_zipmap/;
const served = modelFiles.filter((name) => !refused.test(name));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-onnx-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function inspectBytes(bytes: Uint8Array, name = "model.onnx"): Promise<ArtifactFacts> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return await inspectOnnx(path);
}

/** onnxruntime-node's words for what it read from the same file. */
const TYPES: Readonly<Record<string, string>> = {
  BOOL: "bool",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  FP16: "float16",
  FP32: "float32",
  FP64: "float64",
  BYTES: "string",
};
const asOrtSays = (specs: readonly TensorSpec[] = []) =>
  specs.map(({ name, datatype, shape }) => ({ name, type: TYPES[datatype], shape }));
const withoutNames = (metadata: readonly InferenceSession.ValueMetadata[]) =>
  metadata.map((value) => {
    if (!value.isTensor) return { name: value.name };
    const shape = value.shape.map((length) => (typeof length === "number" ? length : -1));
    return { name: value.name, type: value.type, shape };
  });

describe.skipIf(served.length === 0)("the facts of real models (../shared/models)", () => {
  it.each(served)("%s: the same tensors as ONNX Runtime reports", async (name) => {
    const facts = await inspectOnnx(join(shared, name));
    const session = await InferenceSession.create(join(shared, name));
    expect(asOrtSays(facts.inputs)).toEqual(withoutNames(session.inputMetadata));
    expect(asOrtSays(facts.outputs)).toEqual(withoutNames(session.outputMetadata));
    await session.release();
  });

  it("tells which can be batched, and where the batch size is burnt in", async () => {
    const of = (name: string) => inspectOnnx(join(shared, "onnx", name));
    expect(await of("cms_deepjet_run3.onnx")).toMatchObject({ batchable: true, platform: "any" });
    const fixed = await of("hls4ml_three_layer_keras_fixed_batch1.onnx");
    expect(fixed).toMatchObject({ batchable: false, fixedBatchSize: 1 });
    const graphNet = await of("exatrkx_gnn.onnx");
    expect(graphNet.batchable).toBe(false);
    expect(graphNet.fixedBatchSize).toBeUndefined();
    expect((await of("synthetic_rank0_output_nobatch.onnx")).batchable).toBe(false);
  });

  it("refuses operators of a firmware flow and says what to do", async () => {
    const path = join(shared, "onnx", "neg_qonnx_jettagging.onnx");
    await expect(inspectOnnx(path)).rejects.toThrow(/'Quant'.*finn\.custom_op\.general.*QONNX/);
  });

  it("refuses outputs that are no tensors and says what to do", async () => {
    const path = join(shared, "onnx", "synthetic_zipmap_sequence_output.onnx");
    await expect(inspectOnnx(path)).rejects.toThrow(/'probabilities' is a sequence.*zipmap/);
  });
});

describe("a small model of our own", () => {
  it("leaves out inputs that have an initializer", async () => {
    const facts = await inspectBytes(
      model({ inputs: [value("x", 1, [undefined, 4]), value("w", 1, [4])], weights: ["w"] }),
    );
    expect(facts.inputs).toEqual([{ name: "x", datatype: "FP32", shape: [-1, 4] }]);
  });

  it.each([
    [16, /BFLOAT16.*cast it to FP32 or FP16/],
    [14, /COMPLEX64/],
    [99, /unknown element type 99/],
  ])("refuses element type %i", async (elementType, reason) => {
    const bytes = model({ inputs: [value("x", elementType, [4])] });
    await expect(inspectBytes(bytes)).rejects.toThrow(reason);
  });

  it.each(["../secret", "/etc/passwd", "a/../../secret", "..", "", "a\\b", "."])(
    "refuses weights at '%s'",
    async (location) => {
      const bytes = model({ external: { location } });
      await expect(inspectBytes(bytes)).rejects.toThrow(/inside the folder of the model/);
    },
  );

  it("refuses weights behind a link that leads out of its folder", async () => {
    await mkdir(join(folder, "linked"));
    await writeFile(join(folder, "outside.bin"), "0123456789");
    await symlink("../outside.bin", join(folder, "linked", "w.bin"));
    const bytes = model({ external: { location: "w.bin", length: "8" } });
    await expect(inspectBytes(bytes, "linked/model.onnx")).rejects.toThrow(/link that leads out/);
  });

  it("refuses weights that are missing or too short, and takes those that fit", async () => {
    const bytes = model({ external: { location: "w.bin", offset: "4", length: "8" } });
    await expect(inspectBytes(bytes)).rejects.toThrow(/missing/);
    await writeFile(join(folder, "w.bin"), "01234567890");
    await expect(inspectBytes(bytes)).rejects.toThrow(/11 bytes, needs 12/);
    await writeFile(join(folder, "w.bin"), "012345678901");
    await expect(inspectBytes(bytes)).resolves.toMatchObject({ batchable: true });
  });

  it("skips weights of gigabytes without reading them", async () => {
    // A sparse file: graph { initializer { raw_data: 20 GB } } and then the rest of the graph.
    const gigabytes = 20 * 1024 ** 3;
    const tail = graphTail({ inputs: [value("x", 1, [undefined, 4])] });
    const rawData = Buffer.concat([varint((9 << 3) | 2), varint(gigabytes)]);
    const initializer = Buffer.concat([
      varint((5 << 3) | 2),
      varint(rawData.length + gigabytes),
      rawData,
    ]);
    const graphLength = initializer.length + gigabytes + tail.length;
    const head = Buffer.concat([varint((7 << 3) | 2), varint(graphLength), initializer]);
    const path = join(folder, "large.onnx");
    await writeFile(path, head);
    await truncate(path, head.length + gigabytes);
    await writeFile(path, tail, { flag: "a" });
    const ms = await quickestMs(3000, async () => {
      await expect(inspectOnnx(path)).resolves.toMatchObject({ batchable: true });
    });
    // To read them would take longer by far, whatever the machine.
    expect(ms).toBeLessThan(3000);
    await rm(path);
  });

  it("refuses messages nested without end", async () => {
    let graph: Buffer = bytesField(1, Buffer.alloc(0));
    for (let depth = 0; depth < 2000; depth++) {
      graph = bytesField(1, bytesField(5, bytesField(6, graph)));
    }
    const bytes = Buffer.concat([bytesField(7, graph), model({})]);
    // Deep graphs inside attributes are left out, not followed.
    await expect(inspectBytes(bytes)).resolves.toMatchObject({ batchable: true });
  });
});

describe("files that are no models", () => {
  it.each([
    ["missing", undefined, /cannot be read \(ENOENT\)/],
    ["empty", Buffer.alloc(0), /empty/],
    ["text", Buffer.from("name: 'x'"), /not an ONNX model/],
    ["a field longer than the file", Buffer.from([0x3a, 0xff, 0xff, 0x03, 0]), /bytes where/],
    ["a length beyond 64 bits", Buffer.from([0x3a, ...Array(11).fill(0xff)]), /more than 10 bytes/],
  ])("%s: a BackendError with the reason", async (name, bytes, reason) => {
    const path = join(folder, name);
    if (bytes !== undefined) await writeFile(path, bytes);
    const thrown = await inspectOnnx(path).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(BackendError);
    expect(thrown).toMatchObject({ fault: "artifact", message: expect.stringMatching(reason) });
  });

  it("2000 damaged models: facts or a BackendError, never a crash or a hang", async () => {
    const seeds = [
      model({ inputs: [value("x", 1, [undefined, 4]), value("w", 1, [4])], weights: ["w"] }),
      ...(await Promise.all(
        served
          .filter((name) => /simple|axol1tl_v4|rank0/.test(name))
          .map((name) => readFile(join(shared, name))),
      )),
    ];
    const random = mulberry32(20260901);
    let accepted = 0;
    let slowestMs = 0;
    for (let round = 0; round < 2000; round++) {
      const seed = seeds[round % seeds.length] ?? Buffer.alloc(1);
      const damaged = damage(seed, random);
      const started = performance.now();
      try {
        await inspectBytes(damaged, "damaged.onnx");
        accepted++;
      } catch (error) {
        expect(error).toBeInstanceOf(BackendError);
      }
      slowestMs = Math.max(slowestMs, performance.now() - started);
    }
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(2000);
    expect(slowestMs).toBeLessThan(30_000);
  });
});

function damage(seed: Uint8Array, random: () => number): Buffer {
  const bytes = Buffer.from(seed);
  const at = () => Math.floor(random() * bytes.length);
  if (random() < 0.3) return bytes.subarray(0, at());
  for (let flips = 1 + Math.floor(random() * 8); flips > 0; flips--) {
    bytes[at()] = random() < 0.3 ? 0xff : Math.floor(random() * 256);
  }
  return bytes;
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// A minimal writer of ModelProto: enough to say what a case is about.

interface Parts {
  readonly inputs?: readonly Buffer[];
  readonly weights?: readonly string[];
  readonly external?: { location: string; offset?: string; length?: string };
}

const model = (parts: Parts) => bytesField(7, graphTail(parts));

function graphTail({ inputs = [], weights = [], external }: Parts): Buffer {
  return Buffer.concat([
    ...inputs.map((input) => bytesField(11, input)),
    ...weights.map((name) => bytesField(5, bytesField(8, Buffer.from(name)))),
    ...(external === undefined ? [] : [bytesField(5, externalTensor(external))]),
    bytesField(12, value("y", 1, [undefined, 2])),
  ]);
}

function externalTensor(entries: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat([
    bytesField(8, Buffer.from("w")),
    ...Object.entries(entries).map(([key, text]) =>
      bytesField(
        13,
        Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, Buffer.from(text))]),
      ),
    ),
    varint(14 << 3),
    varint(1),
  ]);
}

function value(name: string, elementType: number, dims: readonly (number | undefined)[]): Buffer {
  const shape = dims.map((length) =>
    bytesField(
      1,
      length === undefined
        ? bytesField(2, Buffer.from("N"))
        : Buffer.concat([varint(1 << 3), varint(length)]),
    ),
  );
  const tensor = Buffer.concat([
    varint(1 << 3),
    varint(elementType),
    bytesField(2, Buffer.concat(shape)),
  ]);
  return Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, bytesField(1, tensor))]);
}

function bytesField(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return Buffer.from(bytes);
}

describe("a file as a registry reads it, wherever it lies", () => {
  it("tells its tools, and names external data and foreign operators without looking at them", async () => {
    const graph = new OnnxGraph("alone", "y = x");
    graph.output(graph.node("Identity", [graph.input("x", "FP32", ["b", 2])], {}, "y"), "FP32", [
      "b",
      2,
    ]);
    const location = message(field(1, "location"), field(2, "../weights.bin"));
    const tensor = field(5, message(field(1, 2), field(8, "w"), field(13, location), field(14, 1)));
    const node = field(1, message(field(4, "Own"), field(7, "my.ops")));
    const opset = field(8, message(field(1, "my.ops"), field(2, 3)));
    const bytes = Buffer.concat([graph.finish(), field(7, Buffer.concat([tensor, node])), opset]);
    const path = join(folder, "described.onnx");
    await writeFile(path, bytes);
    const given = { digest: "", path, format: "onnx", platform: "any" };
    expect(await describeOnnx(given)).toMatchObject({
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }],
      batchable: true,
      details: {
        ...{ container: "onnx", producer: "beamgate", irVersion: 8 },
        opsets: { "ai.onnx": 17, "my.ops": 3 },
        externalData: ["../weights.bin"],
        customOperators: ["my.ops::Own"],
      },
    });
    await expect(inspectOnnx(path)).rejects.toThrow(/must be a relative path inside the folder/);
    await expect(describeOnnx({ ...given, format: "xclbin" })).rejects.toBeInstanceOf(BackendError);
  });
});
