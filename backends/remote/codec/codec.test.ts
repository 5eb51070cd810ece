import { join } from "node:path";
import { loadSync } from "@grpc/proto-loader";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.ts";
import type { Datatype, ModelVariant, Tensor } from "../../contract.ts";
import {
  nameAndVersion,
  readIndex,
  readModelMetadata,
  readReady,
  readServerMetadata,
} from "./answers.ts";
import { InferRequestWriter } from "./infer-request.ts";
import { readInferResponse } from "./infer-response.ts";
import { readModelConfig } from "./model-config.ts";

interface Codec {
  readonly requestDeserialize: (bytes: Buffer) => Record<string, unknown>;
  readonly responseSerialize: (value: object) => Buffer;
}

/** The published messages, by somebody else's codec. */
const service = loadSync(join(packageRoot, "proto", "grpc_service.proto"), {
  includeDirs: [join(packageRoot, "proto")],
  keepCase: true,
  longs: Number,
  defaults: true,
  arrays: true,
})["inference.GRPCInferenceService"] as unknown as Readonly<Record<string, Codec>>;

const rpc = (name: string): Codec => service[name] as Codec;
const answer = (name: string, value: object) => rpc(name).responseSerialize(value);

const DATATYPES: readonly Datatype[] = ["FP32", "INT64", "UINT8", "BYTES", "BOOL"];
const name = fc.string({ minLength: 1, maxLength: 20 });
const tensor = fc.record({
  name,
  datatype: fc.constantFrom(...DATATYPES),
  shape: fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { maxLength: 5 }),
  data: fc.uint8Array({ maxLength: 400 }),
});

describe("a request", () => {
  it("is what others read as the same tensors", () => {
    fc.assert(
      fc.property(
        fc.record({ name, version: fc.constantFrom("", "7") }),
        fc.uniqueArray(tensor, { minLength: 1, maxLength: 6, selector: (each) => each.name }),
        fc.uniqueArray(name, { maxLength: 4 }),
        (model, inputs: Tensor[], outputs) => {
          const specs = (names: readonly string[]): ModelVariant["outputs"] =>
            names.map((each) => ({ name: each, datatype: "FP32", shape: [] }));
          const writer = new InferRequestWriter(model, { inputs, outputs: specs(outputs) });
          const read = rpc("ModelInfer").requestDeserialize(writer.write({ inputs, outputs }));
          expect(read).toMatchObject({
            model_name: model.name,
            model_version: model.version,
            inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
            outputs: outputs.map((each) => ({ name: each })),
            raw_input_contents: inputs.map(({ data }) => Buffer.from(data)),
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("about a model names it and its version", () => {
    const read = rpc("ModelMetadata").requestDeserialize(nameAndVersion("jets", "3"));
    expect(read).toMatchObject({ name: "jets", version: "3" });
  });
});

describe("an answer with tensors", () => {
  it("gives the tensors that others wrote, as views of the message", () => {
    fc.assert(
      fc.property(fc.array(tensor, { maxLength: 6 }), (outputs) => {
        const message = answer("ModelInfer", {
          model_name: "m",
          parameters: { note: { string_param: "skipped" } },
          outputs: outputs.map(({ data: _, ...described }) => described),
          raw_output_contents: outputs.map(({ data }) => data),
        });
        const read = readInferResponse(message);
        expect(read.map(({ data, ...rest }) => ({ ...rest, data: new Uint8Array(data) }))).toEqual(
          outputs,
        );
        for (const { data } of read) expect(data.buffer).toBe(message.buffer);
      }),
    );
  });

  it.each<[Datatype, object, number[]]>([
    ["BOOL", { bool_contents: [true, false] }, [1, 0]],
    ["INT8", { int_contents: [-1, 2] }, [255, 2]],
    ["INT32", { int_contents: [-2] }, [254, 255, 255, 255]],
    ["UINT16", { uint_contents: [258, 1] }, [2, 1, 1, 0]],
    ["INT64", { int64_contents: [-1] }, [255, 255, 255, 255, 255, 255, 255, 255]],
    ["FP32", { fp32_contents: [1.5, -2] }, [0, 0, 192, 63, 0, 0, 0, 192]],
    ["FP64", { fp64_contents: [1] }, [0, 0, 0, 0, 0, 0, 240, 63]],
    ["BYTES", { bytes_contents: [Buffer.from("ab")] }, [2, 0, 0, 0, 97, 98]],
  ])("understands typed contents of %s", (datatype, contents, expected) => {
    const message = answer("ModelInfer", {
      outputs: [{ name: "y", datatype, shape: [1], contents }],
    });
    expect([...(readInferResponse(message)[0]?.data ?? [])]).toEqual(expected);
  });

  it("is refused where tensors and contents do not go together", () => {
    const outputs = [{ name: "y", datatype: "FP32", shape: [1] }];
    const twice = answer("ModelInfer", { outputs, raw_output_contents: [bytes(4), bytes(4)] });
    expect(() => readInferResponse(twice)).toThrow("1 outputs and the bytes of 2");
    const other = answer("ModelInfer", {
      outputs: [{ ...outputs[0], contents: { int_contents: [1] } }],
    });
    expect(() => readInferResponse(other)).toThrow("datatype FP32 with contents of field 2");
    const negative = answer("ModelInfer", { outputs: [{ ...outputs[0], shape: [-1] }] });
    expect(() => readInferResponse(negative)).toThrow('output "y" has shape [-1]');
    const unknown = answer("ModelInfer", { outputs: [{ ...outputs[0], datatype: "COMPLEX" }] });
    expect(() => readInferResponse(unknown)).toThrow('datatype "COMPLEX"');
  });
});

describe("the small answers", () => {
  it("are read as others wrote them", () => {
    expect(readReady(answer("ModelReady", { ready: true }))).toBe(true);
    expect(readReady(answer("ModelReady", {}))).toBe(false);
    const server = { name: "triton", version: "2.51.0", extensions: ["binary_tensor_data"] };
    expect(readServerMetadata(answer("ServerMetadata", server))).toEqual({
      name: "triton",
      version: "2.51.0",
    });
    const models = [{ name: "jets", version: "2", state: "READY", reason: "none" }];
    expect(readIndex(answer("RepositoryIndex", { models }))).toEqual([
      { name: "jets", version: "2", state: "READY" },
    ]);
    const inputs = [{ name: "x", datatype: "FP32", shape: [-1, 16] }];
    const outputs = [{ name: "y", datatype: "BYTES", shape: [-1, 1] }];
    expect(
      readModelMetadata(
        answer("ModelMetadata", { versions: ["2"], platform: "p", inputs, outputs }),
      ),
    ).toEqual({ versions: ["2"], platform: "p", inputs, outputs });
  });

  it("give of a configuration what decides how a model is asked", () => {
    const config = {
      name: "jets",
      backend: "onnxruntime",
      max_batch_size: 64,
      input: [
        { name: "x", data_type: "TYPE_FP32", format: "FORMAT_NCHW", dims: [-1, 4], optional: true },
        { name: "r", data_type: "TYPE_STRING", dims: [1], allow_ragged_batch: true },
      ],
      output: [{ name: "y", data_type: "TYPE_BF16", dims: [2], label_filename: "l.txt" }],
      dynamic_batching: { max_queue_delay_microseconds: 5 },
      model_transaction_policy: { decoupled: true },
    };
    expect(readModelConfig(answer("ModelConfig", { config }))).toEqual({
      maxBatchSize: 64,
      inputs: [
        { name: "x", datatype: "FP32", dims: [-1, 4], optional: true, ragged: false },
        { name: "r", datatype: "BYTES", dims: [1], optional: false, ragged: true },
      ],
      outputs: [{ name: "y", datatype: "BF16", dims: [2], optional: false, ragged: false }],
      hasSequences: false,
      decoupled: true,
    });
    const sequences = { config: { sequence_batching: {} } };
    expect(readModelConfig(answer("ModelConfig", sequences)).hasSequences).toBe(true);
  });
});

describe("bytes of a server that means no good", () => {
  const good = answer("ModelInfer", {
    model_name: "m",
    outputs: [
      { name: "y", datatype: "FP32", shape: [2, 2] },
      { name: "z", datatype: "INT32", shape: [1], contents: { int_contents: [5] } },
    ],
    raw_output_contents: [bytes(16), bytes(4)],
  });
  const readers = [
    readInferResponse,
    readModelConfig,
    readModelMetadata,
    readIndex,
    readServerMetadata,
    readReady,
  ];

  it("are read, or refused with fault `device`: cut off, flipped, or made up", () => {
    const mutant = fc.oneof(
      fc.uint8Array({ maxLength: 64 }).map((made) => Buffer.from(made)),
      fc.nat(good.length).map((length) => Buffer.from(good.subarray(0, length))),
      fc
        .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
        .map((flips) => {
          const bad = Buffer.from(good);
          for (const [at, byte] of flips) bad[at] = byte;
          return bad;
        }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...readers), mutant, (read, bad) => {
        try {
          read(bad);
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: "BackendError", fault: "device" });
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ["a length beyond the end", Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]), "announced"],
    ["a number without an end", Buffer.from(Array(11).fill(0x88)), "64 bits"],
    ["half a number", Buffer.from([0x08, 0x80]), "in the middle of a number"],
    ["field 0", Buffer.from([0x00, 0x00]), "without a number"],
    ["a number where bytes belong", Buffer.from([0x30, 0x01]), "wire type 0 instead of 2"],
    ["a name that is not UTF-8", Buffer.from([0x2a, 0x03, 0x0a, 0x01, 0xff]), "not UTF-8"],
    [
      "an axis beyond all numbers",
      Buffer.from([0x2a, 9, 0x18, ...Array(7).fill(0xff), 0x7f]),
      "proportion",
    ],
  ])("%s is told as such", (_, bad, reason) => {
    expect(() => readInferResponse(bad)).toThrow(reason);
  });
});

function bytes(length: number): Buffer {
  return Buffer.alloc(length, 7);
}
