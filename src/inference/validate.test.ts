import { describe, expect, it } from "vitest";
import { StatusError } from "../errors.ts";
import { encodeBytesTensor } from "./bytes-tensor.ts";
import { onePiece } from "./pieces.ts";
import type {
  ClientTensorSpec,
  ModelSignature,
  Parameter,
  WireInput,
  WireRequest,
} from "./request.ts";
import { checkRequest, requireOneResponse } from "./validate.ts";

const spec = (name: string, given: Partial<ClientTensorSpec> = {}): ClientTensorSpec => ({
  name,
  datatype: "INT32",
  shape: [16],
  ...given,
});

function aModel(given: Partial<ModelSignature> = {}): ModelSignature {
  return {
    name: "M",
    version: "1",
    maxBatchSize: 8,
    inputs: [spec("A"), spec("B")],
    outputs: [spec("SUM"), spec("DIFF")],
    decoupled: false,
    reproducible: false,
    ...given,
  };
}

function anInput(name: string, given: Partial<WireInput> & { bytes?: Uint8Array } = {}): WireInput {
  const { bytes, ...rest } = given;
  const shape = rest.shape ?? [1, 16];
  const size = 4 * shape.reduce((product, dimension) => product * dimension, 1);
  const data = onePiece(bytes ?? new Uint8Array(Math.min(Math.max(size, 0), 10_000)));
  return { name, datatype: "INT32", shape, parameters: undefined, data, ...rest };
}

function aWire(given: Partial<WireRequest> = {}): WireRequest {
  return {
    model: "M",
    version: "",
    id: "",
    parameters: undefined,
    inputs: [anInput("A"), anInput("B")],
    outputs: [],
    dataError: undefined,
    ...given,
  };
}

const params = (entries: Record<string, Parameter>) => new Map(Object.entries(entries));
const bool = (value: boolean): Parameter => ({ type: "bool", value });
const int = (value: number | bigint): Parameter => ({ type: "int64", value });
const uint = (value: number | bigint): Parameter => ({ type: "uint64", value });
const str = (value: string): Parameter => ({ type: "string", value });

function refusal(wire: WireRequest, model = aModel()): StatusError {
  try {
    checkRequest(wire, model);
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error("the request was accepted");
}

const ID = "[request id: <id_unknown>] ";
const NOTE =
  "NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting max_batch_size to zero. See the model configuration docs for more info on max_batch_size.";
const strings = aModel({ inputs: [spec("A", { datatype: "BYTES", shape: [2] })] });
const ofStrings = (bytes: Uint8Array) =>
  aWire({ inputs: [anInput("A", { datatype: "BYTES", shape: [1, 2], bytes })] });
const ab = encodeBytesTensor([Buffer.from("a"), Buffer.from("b")]);

describe("a request is refused with Triton's text", () => {
  const optional = aModel({ inputs: [spec("A"), spec("B", { optional: true })] });
  const free = aModel({ inputs: [spec("A", { shape: [-1, 2] })], maxBatchSize: 0 });
  const row = (text: string, wire: Partial<WireRequest>, model = aModel()) =>
    [text, aWire(wire), model] as const;

  it.each([
    row("unexpected inference output 'O' for model 'M'", {
      outputs: [{ name: "O", parameters: undefined }],
    }),
    row(
      `${ID}expected 2 inputs but got 1 inputs for model 'M'. Got input(s) ['A'], but missing required input(s) ['B']. Please provide all required input(s).`,
      { inputs: [anInput("A")] },
    ),
    row(
      `${ID}expected 2 inputs but got 0 inputs for model 'M'. Got input(s) [], but missing required input(s) ['A','B']. Please provide all required input(s).`,
      { inputs: [] },
    ),
    row(
      `${ID}expected 2 inputs but got 3 inputs for model 'M'. Got input(s) ['A','B','C'], but missing required input(s) ]. Please provide all required input(s).`,
      { inputs: [anInput("A"), anInput("B"), anInput("C")] },
    ),
    row(
      `${ID}expected number of inputs between 1 and 2 but got 0 inputs for model 'M'. Got input(s) [], but missing required input(s) ['A']. Please provide all required input(s).`,
      { inputs: [] },
      optional,
    ),
    row("unexpected inference input 'I' for model 'M'", { inputs: [anInput("A"), anInput("I")] }),
    row(
      "unexpected inference input 'I' for model 'M'",
      { inputs: [anInput("I")] },
      aModel({ inputs: [spec("A")], maxBatchSize: 0 }),
    ),
    row(`${ID}input 'A' has no shape but model requires batch dimension for 'M'`, {
      inputs: [anInput("A", { shape: [] }), anInput("B")],
    }),
    row(`${ID}input 'B' batch size does not match other inputs for 'M'`, {
      inputs: [anInput("A"), anInput("B", { shape: [2, 16] })],
    }),
    row(`${ID}inference request batch-size must be <= 8 for 'M'`, {
      inputs: [anInput("A", { shape: [9, 16] }), anInput("B", { shape: [9, 16] })],
    }),
    row(`${ID}inference request batch-size must be <= 8 for 'M'`, {
      inputs: [anInput("A", { shape: [-1, 16] }), anInput("B", { shape: [-1, 16] })],
    }),
    row(`${ID}inference request batch-size must be >= 1 for 'M'`, {
      inputs: [anInput("A", { shape: [0, 16] }), anInput("B", { shape: [0, 16] })],
    }),
    row(`${ID}inference input 'A' data-type is 'FP32', but model 'M' expects 'INT32'`, {
      inputs: [anInput("A", { datatype: "FP32" }), anInput("B")],
    }),
    row(`${ID}inference input 'A' data-type is '<invalid>', but model 'M' expects 'INT32'`, {
      inputs: [anInput("A", { datatype: "TYPE_INT32" }), anInput("B")],
    }),
    row(`${ID}All input dimensions should be specified for input 'A' for model 'M', got [1,-1]`, {
      inputs: [anInput("A", { shape: [1, -1] }), anInput("B")],
    }),
    row(`${ID}unexpected shape for input 'A' for model 'M'. Expected [-1,16], got [1,8]. ${NOTE}`, {
      inputs: [anInput("A", { shape: [1, 8] }), anInput("B")],
    }),
    row(
      `${ID}unexpected shape for input 'A' for model 'M'. Expected [-1,16], got [1,16,1]. ${NOTE}`,
      { inputs: [anInput("A", { shape: [1, 16, 1] }), anInput("B")] },
    ),
    row(
      `${ID}unexpected shape for input 'A' for model 'M'. Expected [-1,2], got [3,4]. `,
      { inputs: [anInput("A", { shape: [3, 4] })] },
      free,
    ),
    row(`${ID}input byte size mismatch for input 'A' for model 'M'. Expected 64, got 60`, {
      inputs: [anInput("A", { bytes: new Uint8Array(60) }), anInput("B")],
    }),
    row(
      `${ID}input byte size mismatch for input 'A' for model 'M'. Expected 72057594037927928, got 3`,
      { inputs: [anInput("A", { shape: [Number.MAX_SAFE_INTEGER, 2], bytes: Buffer.alloc(3) })] },
      free,
    ),
    row(
      "byte size for tensor 'A' exceeds maximum size of 9223372036854775807",
      { inputs: [anInput("A", { shape: [2 ** 52, 2 ** 12, 2] })] },
      aModel({ inputs: [spec("A", { shape: [-1, -1, 2] })], maxBatchSize: 0 }),
    ),
    row(
      "tensor 'A' contains an invalid dimension [-5,2]",
      { inputs: [anInput("A", { shape: [-5, 2] })] },
      free,
    ),
    row("unable to find data for input tensor 'A' for model 'M' in request.", {
      inputs: [anInput("A", { data: undefined }), anInput("B")],
    }),
    row(`${ID}input 'A' already exists in request`, { inputs: [anInput("A"), anInput("A")] }),
    row(`${ID}input 'I9' already exists in request`, {
      inputs: [...Array(12).keys(), 9].map((i) => anInput(`I${i}`)),
    }),
  ])("%s", (text, wire, model) => {
    expect(refusal(wire, model)).toMatchObject({ code: "INVALID_ARGUMENT", message: text });
  });

  const where = "for inference input 'A' for model 'M'";
  it.each([
    [
      ab.subarray(0, 7),
      `incomplete string length indicator ${where}, expecting 4 bytes but only 2 bytes available. Please make sure the string length indicator is in one buffer.`,
    ],
    [Buffer.concat([ab, ab]), `unexpected number of string elements 3 ${where}, expecting 2`],
    [ab.subarray(0, 5), `expected 2 string elements ${where}, got 1`],
    [new Uint8Array(), `expected 2 string elements ${where}, got 0`],
    [
      Buffer.concat([ab.subarray(0, 5), Buffer.of(9, 0, 0, 0, 1)]),
      `incomplete string data ${where}, expecting string of length 9 but only 1 bytes available`,
    ],
  ])("BYTES case %#: %s", (bytes, text) => {
    expect(refusal(ofStrings(bytes), strings).message).toBe(ID + text);
  });

  it("naming the request by its id", () => {
    const wire = aWire({ id: "evt-7", inputs: [] });
    expect(refusal(wire).message).toMatch(/^\[request id: evt-7\] expected 2 inputs/);
  });
});

describe("parameters of a request", () => {
  const wrong = (key: string, expected: string) =>
    `invalid value type for '${key}' parameter, expected ${expected}.`;
  const reserved =
    "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting with 'triton_' are allowed: triton_enable_empty_final_response";
  it.each([
    ["sequence_id", bool(true), wrong("sequence_id", "int64_param or string_param")],
    ["sequence_start", int(1), wrong("sequence_start", "bool_param")],
    ["sequence_end", int(1), wrong("sequence_end", "bool_param")],
    ["priority", str("1"), wrong("priority", "int64_param or uint64_param")],
    ["priority", int(-1), "invalid value for 'priority', expected value >= 0."],
    ["timeout", uint(1), wrong("timeout", "int64_param")],
    [
      "triton_enable_empty_final_response",
      int(1),
      wrong("triton_enable_empty_final_response", "bool_param"),
    ],
    ["triton_other", bool(true), reserved],
    ["mine", uint(1), wrong("mine", "int64_param, bool_param, or string_param")],
    ["reproducible", str("true"), wrong("reproducible", "bool_param")],
  ])("%s of a wrong kind is refused (%#)", (key, value, text) => {
    const error = refusal(aWire({ parameters: params({ [key]: value }) }));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: text });
  });

  it("are taken where Triton takes them", () => {
    const parameters = params({
      priority: uint(2),
      timeout: int(1500),
      sequence_id: str("s"),
      sequence_start: bool(true),
      sequence_end: bool(false),
      triton_enable_empty_final_response: bool(true),
      mine: { type: "double", value: 1.5 },
    });
    const { priority, timeoutUs, alone } = checkRequest(aWire({ parameters }), aModel());
    expect({ priority, timeoutUs, alone }).toEqual({ priority: 2, timeoutUs: 1500, alone: false });
  });

  it("a negative timeout never counts", () => {
    const parameters = params({ timeout: int(-1) });
    expect(checkRequest(aWire({ parameters }), aModel()).timeoutUs).toBe(0);
  });
});

describe("parameters of a requested output", () => {
  const shared = { shared_memory_region: str("r"), shared_memory_byte_size: int(4) };
  it.each([
    [
      "INVALID_ARGUMENT",
      "invalid value type for 'classification' parameter, expected int64_param",
      { classification: str("3") },
    ],
    [
      "INVALID_ARGUMENT",
      "invalid value for 'classification' parameter, expected >= 0",
      { classification: int(-3) },
    ],
    [
      "INVALID_ARGUMENT",
      "output can't set both 'shared_memory_region' and 'classification'",
      { ...shared, classification: int(3) },
    ],
    [
      "UNIMPLEMENTED",
      "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.",
      shared,
    ],
    [
      "INVALID_ARGUMENT",
      "'shared_memory_byte_size' must be specified along with 'shared_memory_region' parameter for tensor 'SUM'",
      { shared_memory_region: str("r") },
    ],
    [
      "INVALID_ARGUMENT",
      "'shared_memory_offset' can not be specified without 'shared_memory_region' parameter for tensor 'SUM'",
      { shared_memory_offset: int(0) },
    ],
    [
      "INVALID_ARGUMENT",
      "invalid value type for 'shared_memory_region' parameter for tensor 'SUM', expected string_param.",
      { shared_memory_region: int(0) },
    ],
    [
      "INVALID_ARGUMENT",
      "invalid value type for 'shared_memory_byte_size' parameter for tensor 'SUM', expected int64_param.",
      { ...shared, shared_memory_byte_size: uint(4) },
    ],
  ])("%s: %s", (code, text, entries) => {
    const parameters = params(entries as Record<string, Parameter>);
    const error = refusal(aWire({ outputs: [{ name: "SUM", parameters }] }));
    expect(error).toMatchObject({ code, message: text });
  });

  it("say how the output is delivered", () => {
    const classes = params({ classification: int(3) });
    const outputs = [
      { name: "DIFF", parameters: undefined },
      { name: "SUM", parameters: classes },
    ];
    expect(checkRequest(aWire({ outputs }), aModel()).deliveries).toEqual([
      undefined,
      { kind: "classes", count: 3 },
    ]);
  });

  it("no classes at all are the tensor as it is", () => {
    const outputs = [{ name: "SUM", parameters: params({ classification: int(0) }) }];
    expect(checkRequest(aWire({ outputs }), aModel()).deliveries).toBeUndefined();
  });
});

describe("of several mistakes Triton's first one is told", () => {
  const dataError = new StatusError("INVALID_ARGUMENT", "data");
  const unknownOutput = [{ name: "O", parameters: undefined }];
  it.each([
    [
      "parameters before duplicates",
      { parameters: params({ timeout: bool(true) }), inputs: [anInput("A"), anInput("A")] },
      "'timeout'",
    ],
    [
      "duplicates before data",
      { inputs: [anInput("A"), anInput("A")], dataError },
      "already exists",
    ],
    ["data before outputs", { dataError, outputs: unknownOutput }, "data"],
    ["outputs before the number of inputs", { outputs: unknownOutput, inputs: [] }, "output 'O'"],
    [
      "batch sizes before datatypes",
      { inputs: [anInput("A", { datatype: "FP32" }), anInput("B", { shape: [2, 16] })] },
      "batch size does not match",
    ],
    [
      "the first bad input decides",
      { inputs: [anInput("B", { shape: [1, 8] }), anInput("A", { datatype: "FP32" })] },
      "input 'B'",
    ],
  ])("%s", (_, wire, text) => {
    expect(refusal(aWire(wire)).message).toContain(text);
  });
});

describe("a request that fits", () => {
  it("has its inputs in the model's order and its outputs in the client's", () => {
    const request = checkRequest(
      aWire({
        id: "7",
        inputs: [anInput("B", { shape: [3, 16] }), anInput("A", { shape: [3, 16] })],
        outputs: ["DIFF", "SUM"].map((name) => ({ name, parameters: undefined })),
      }),
      aModel(),
    );
    expect(request.inputs.map((input) => input.index)).toEqual([0, 1]);
    expect(request).toMatchObject({
      id: "7",
      rows: 3,
      outputs: [1, 0],
      batchKey: "",
      alone: false,
    });
  });

  it("wants every output where it names none", () => {
    expect(checkRequest(aWire(), aModel()).outputs).toEqual([0, 1]);
  });

  it("keeps the bytes it came with", () => {
    const wire = aWire();
    const request = checkRequest(wire, aModel());
    expect(request.inputs.map((i) => i.data)).toEqual(wire.inputs.map((i) => i.data));
    expect(request.inputs[0]?.data).toBe(wire.inputs[0]?.data);
  });

  it("may leave optional inputs out", () => {
    const model = aModel({ inputs: [spec("A", { optional: true }), spec("B")] });
    const request = checkRequest(aWire({ inputs: [anInput("B")] }), model);
    expect(request.inputs.map((input) => input.index)).toEqual([1]);
  });

  it("may be a scalar where the model has no batch axis", () => {
    const model = aModel({ inputs: [spec("A", { shape: [] })], maxBatchSize: 0 });
    const request = checkRequest(aWire({ inputs: [anInput("A", { shape: [] })] }), model);
    expect(request).toMatchObject({ rows: 1, alone: true, batchKey: "" });
  });

  it("may have an axis of length 0 behind the batch axis", () => {
    const model = aModel({ inputs: [spec("A", { shape: [-1] })] });
    expect(checkRequest(aWire({ inputs: [anInput("A", { shape: [2, 0] })] }), model).rows).toBe(2);
  });

  it("may hold strings that lie in several pieces, cut anywhere", () => {
    for (let cut = 0; cut <= ab.length; cut++) {
      const pieces = [ab.subarray(0, cut), ab.subarray(cut)];
      const data = { byteLength: ab.length, pieces };
      const input = anInput("A", { datatype: "BYTES", shape: [1, 2], data });
      expect(checkRequest(aWire({ inputs: [input] }), strings).rows).toBe(1);
    }
  });
});

describe("who may share a batch", () => {
  const ragged = aModel({ inputs: [spec("A", { shape: [-1] }), spec("B", { optional: true })] });
  const keyOf = (...inputs: WireInput[]) => checkRequest(aWire({ inputs }), ragged).batchKey;

  it("rows do not matter, lengths of free axes and the inputs present do", () => {
    const key = keyOf(anInput("A", { shape: [1, 3] }));
    expect(keyOf(anInput("A", { shape: [5, 3] }))).toBe(key);
    expect(keyOf(anInput("A", { shape: [1, 4] }))).not.toBe(key);
    expect(keyOf(anInput("A", { shape: [1, 3] }), anInput("B"))).not.toBe(key);
  });

  it("lengths of a ragged input do not matter", () => {
    const model = aModel({ inputs: [spec("A", { shape: [-1], ragged: true })] });
    const key = (shape: number[]) =>
      checkRequest(aWire({ inputs: [anInput("A", { shape })] }), model);
    expect(key([1, 3]).batchKey).toBe(key([2, 7]).batchKey);
    expect(key([2, 7]).rows).toBe(2);
  });

  it("the values of a shape tensor do, which has no batch axis", () => {
    const model = aModel({ inputs: [spec("A"), spec("S", { shape: [2], shapeTensor: true })] });
    const request = (...values: number[]) => {
      const data = onePiece(Buffer.from(Int32Array.from(values).buffer));
      const shape = anInput("S", { datatype: "INT32", shape: [2], data });
      return checkRequest(aWire({ inputs: [shape, anInput("A", { shape: [3, 16] })] }), model);
    };
    expect(request(1, 2).batchKey).toBe(request(1, 2).batchKey);
    expect(request(1, 2).batchKey).not.toBe(request(1, 3).batchKey);
    expect(request(1, 2).rows).toBe(3);
  });

  it("the order in which the client names its inputs does not", () => {
    const [a, b] = [anInput("A", { shape: [1, 3] }), anInput("B")];
    expect(keyOf(a, b)).toBe(keyOf(b, a));
  });

  it.each([
    [
      "a request that asks for it",
      aWire({ parameters: params({ reproducible: bool(true) }) }),
      aModel(),
    ],
    ["a model that asks for it", aWire(), aModel({ reproducible: true })],
    [
      "a model without a batch axis",
      aWire({ inputs: [anInput("A", { shape: [16] })] }),
      aModel({ inputs: [spec("A")], maxBatchSize: 0 }),
    ],
  ])("%s runs alone", (_, wire, model) => {
    expect(checkRequest(wire, model).alone).toBe(true);
  });
});

describe("a decoupled model", () => {
  it("is refused for unary requests", () => {
    const check = () => requireOneResponse(aModel({ decoupled: true }));
    expect(check).toThrow(
      "ModelInfer RPC doesn't support models with decoupled transaction policy",
    );
    expect(requireOneResponse(aModel())).toBeUndefined();
  });
});
