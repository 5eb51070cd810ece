import { join } from "node:path";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { StatusError } from "../../errors.ts";
import { joinPieces, onePiece } from "../../inference/pieces.ts";
import { packageRoot } from "../../package-root.ts";
import { decodeInferRequest } from "./decode-request.ts";

const root = new protobuf.Root();
root.resolvePath = (_, target) => join(packageRoot, "proto", target);
const type = root
  .loadSync("grpc_service.proto", { keepCase: true })
  .lookupType("inference.ModelInferRequest");

const encoded = (request: object) => type.encode(type.fromObject(request)).finish();
const decoded = (message: Uint8Array) => decodeInferRequest(onePiece(message));

/** A request with one input of typed contents. */
const typed = (datatype: string, contents: object) =>
  encoded({ model_name: "m", inputs: [{ name: "x", datatype, shape: [2], contents }] });

/** A field of wire type 2. */
const field = (number: number, ...bytes: number[]) => [(number << 3) | 2, bytes.length, ...bytes];
const ascii = (text: string) => [...Buffer.from(text)];
const message = (...parts: number[][]) => Uint8Array.from(parts.flat());

function hex(data: ReturnType<typeof decoded>["inputs"][number]["data"]): string | undefined {
  return data && Buffer.from(joinPieces(data)).toString("hex");
}

describe("raw tensors", () => {
  it("are views of the message, not copies", () => {
    const bytes = encoded({
      inputs: [{ name: "a" }, { name: "b" }],
      raw_input_contents: [Buffer.from([1, 2]), Buffer.from([3])],
    });
    const [a, b] = decoded(bytes).inputs;
    expect(a?.data?.pieces[0]?.buffer).toBe(bytes.buffer);
    expect([hex(a?.data), hex(b?.data)]).toEqual(["0102", "03"]);
  });

  it("stay in their pieces where the message came in several", () => {
    const bytes = encoded({ inputs: [{ name: "a" }], raw_input_contents: [Buffer.alloc(100, 7)] });
    const pieces = [bytes.subarray(0, 40), bytes.subarray(40, 80), bytes.subarray(80)];
    const [a] = decodeInferRequest({ byteLength: bytes.length, pieces }).inputs;
    expect(a?.data?.pieces.map((piece) => piece.buffer)).toEqual(pieces.map((p) => p.buffer));
    expect(hex(a?.data)).toBe("07".repeat(100));
  });

  it("may be empty", () => {
    const bytes = encoded({ inputs: [{ name: "a" }], raw_input_contents: [Buffer.alloc(0)] });
    expect(decoded(bytes)).toMatchObject({
      inputs: [{ data: { byteLength: 0 } }],
      dataError: undefined,
    });
  });
});

describe("typed contents become raw little-endian bytes", () => {
  it.each([
    ["BOOL", { bool_contents: [true, false] }, "0100"],
    ["INT8", { int_contents: [-1, 2] }, "ff02"],
    ["INT16", { int_contents: [-2, 258] }, "feff0201"],
    ["INT32", { int_contents: [-1, 1] }, "ffffffff01000000"],
    ["INT64", { int64_contents: [-1, 1] }, "ffffffffffffffff0100000000000000"],
    ["UINT8", { uint_contents: [255, 1] }, "ff01"],
    ["UINT16", { uint_contents: [65_535, 1] }, "ffff0100"],
    ["UINT32", { uint_contents: [4_294_967_295, 1] }, "ffffffff01000000"],
    [
      "UINT64",
      { uint64_contents: ["18446744073709551615", 1] },
      "ffffffffffffffff0100000000000000",
    ],
    ["FP32", { fp32_contents: [1, -2] }, "0000803f000000c0"],
    ["FP64", { fp64_contents: [1, -2] }, "000000000000f03f00000000000000c0"],
    [
      "BYTES",
      { bytes_contents: [Buffer.from("ab"), Buffer.alloc(0), Buffer.from("\0")] },
      "02000000616200000000" + "0100000000",
    ],
  ])("%s", (datatype, contents, expected) => {
    const request = decoded(typed(datatype, contents));
    expect(request.dataError).toBeUndefined();
    expect(hex(request.inputs[0]?.data)).toBe(expected);
  });

  it("whether packed or not, and over several fields", () => {
    const unpacked = [0x35, 0, 0, 0x80, 0x3f]; // fp32_contents, one element
    const packed = field(6, 0, 0, 0, 0xc0, 0, 0, 0, 0x40);
    const input = [
      ...field(1, ...ascii("x")),
      ...field(5, ...unpacked, ...packed),
      ...field(2, ...ascii("FP32")),
      ...field(5, ...unpacked),
    ];
    const request = decoded(message(field(5, ...input)));
    expect(request.dataError).toBeUndefined();
    expect(hex(request.inputs[0]?.data)).toBe("0000803f000000c0000000400000803f");
  });

  it("without a copy where one packed field holds them all", () => {
    const bytes = typed("FP64", { fp64_contents: [1, 2, 3] });
    expect(decoded(bytes).inputs[0]?.data?.pieces[0]?.buffer).toBe(bytes.buffer);
  });

  it("nothing where every field is empty", () => {
    expect(decoded(typed("FP32", {}))).toMatchObject({
      inputs: [{ data: { byteLength: 0 } }],
      dataError: undefined,
    });
  });
});

describe("what is wrong with the data travels with the request", () => {
  const explicit = "unexpected explicit tensor data for input tensor 'x' for model 'm'";
  it.each([
    [
      "no data",
      encoded({ model_name: "m", inputs: [{ name: "x" }] }),
      "unable to find data for input tensor 'x' for model 'm' in request.",
    ],
    [
      "another type",
      typed("INT32", { fp32_contents: [1] }),
      `${explicit} of type 'FP32', expected datatype 'INT32'`,
    ],
    [
      "integers for a float",
      typed("FP32", { int_contents: [1] }),
      `${explicit} of type 'INT32', expected datatype 'FP32'`,
    ],
    [
      "FP16",
      typed("FP16", { fp32_contents: [1] }),
      `${explicit} of type 'FP32', expected datatype 'FP16'`,
    ],
    [
      "a datatype nobody knows",
      typed("FLOAT", { fp32_contents: [1] }),
      `${explicit} of type 'FP32', expected datatype '<invalid>'`,
    ],
    [
      "two fields",
      typed("INT32", { int_contents: [1], int64_contents: [1] }),
      `${explicit}, binary data was already supplied.`,
    ],
    [
      "raw and typed",
      encoded({
        model_name: "m",
        inputs: [{ name: "x", contents: {} }],
        raw_input_contents: [Buffer.alloc(1)],
      }),
      "contents field must not be specified when using raw_input_contents for 'x' for model 'm'",
    ],
    [
      "shared memory and typed",
      encoded({
        model_name: "m",
        inputs: [
          {
            name: "x",
            contents: {},
            parameters: {
              shared_memory_region: { string_param: "r" },
              shared_memory_byte_size: { int64_param: 4 },
            },
          },
        ],
      }),
      "unexpected 'content' provided when using shared memory for input tensor 'x' for model 'm'",
    ],
    [
      "a parameter without a value",
      encoded({ model_name: "m", parameters: { mine: {} } }),
      "invalid value type for 'mine' parameter, expected int64_param, bool_param, or string_param.",
    ],
    [
      "priority without a value",
      encoded({ parameters: { priority: {} } }),
      "invalid value type for 'priority' parameter, expected int64_param or uint64_param.",
    ],
  ])("%s", (_, bytes, text) => {
    expect(decoded(bytes).dataError).toMatchObject({ code: "INVALID_ARGUMENT", message: text });
  });

  it("a shared-memory parameter of the wrong kind", () => {
    const parameters = { shared_memory_region: { string_param: "r" } };
    const request = decoded(encoded({ inputs: [{ name: "x", parameters }] }));
    expect(request.dataError?.message).toBe(
      "'shared_memory_byte_size' must be specified along with 'shared_memory_region' parameter for tensor 'x'",
    );
  });

  it("only the first of several", () => {
    const bytes = encoded({
      model_name: "m",
      inputs: [{ name: "a" }, { name: "x", datatype: "INT32", contents: { fp32_contents: [1] } }],
    });
    expect(decoded(bytes).dataError?.message).toMatch(/^unable to find data for input tensor 'a'/);
  });
});

describe("inputs in shared memory", () => {
  const shared = (offset: number) => ({
    shared_memory_region: { string_param: "r" },
    shared_memory_byte_size: { int64_param: 4 },
    shared_memory_offset: { int64_param: offset },
  });

  it("take none of the raw tensors", () => {
    const bytes = encoded({
      inputs: [{ name: "a" }, { name: "b", parameters: shared(8) }, { name: "c" }],
      raw_input_contents: [Buffer.from("1"), Buffer.from("3")],
    });
    const { inputs, dataError } = decoded(bytes);
    expect(dataError).toBeUndefined();
    expect(inputs.map(({ data }) => data && Buffer.from(joinPieces(data)).toString())).toEqual([
      "1",
      undefined,
      "3",
    ]);
    expect(inputs[1]?.shared).toEqual({ region: "r", offset: 8, byteLength: 4 });
  });

  it("a negative offset is read as Triton reads it: far beyond any region", () => {
    const { inputs } = decoded(encoded({ inputs: [{ name: "a", parameters: shared(-1) }] }));
    expect(inputs[0]?.shared?.offset).toBe(2 ** 64);
  });
});

describe("Protocol Buffers' freedoms", () => {
  it("the last one of a scalar counts, fields come in any order, unknown ones are passed over", () => {
    const request = decoded(
      message(
        field(7, 1),
        field(9, 9, 9),
        [0x78, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], // varint, field 15
        [0x7d, 1, 2, 3, 4], // fixed32
        [0x79, 1, 2, 3, 4, 5, 6, 7, 8], // fixed64
        [0x7b, 0x08, 1, 0x0b, 0x0c, 0x7c], // a group with a group inside
        field(5, ...field(1, ...ascii("x"))),
        field(1, ...ascii("old")),
        field(1, ...ascii("new")),
      ),
    );
    expect(request).toMatchObject({ model: "new", inputs: [{ name: "x" }] });
    expect(hex(request.inputs[0]?.data)).toBe("01");
  });

  it("a known field with another wire type is an unknown field", () => {
    expect(decoded(message([0x08, 5], field(1, ...ascii("m"))))).toMatchObject({ model: "m" });
  });

  it("dimensions beyond what a number holds are cut", () => {
    const shape = ["9223372036854775807", "-9223372036854775808", -1, 5];
    expect(decoded(encoded({ inputs: [{ name: "x", shape }] })).inputs[0]?.shape).toEqual([
      Number.MAX_SAFE_INTEGER,
      -Number.MAX_SAFE_INTEGER,
      -1,
      5,
    ]);
  });

  it("of two map entries with the same key the later one counts", () => {
    const entry = (value: number) => field(4, ...field(1, ...ascii("k")), ...field(2, 0x08, value));
    const request = decoded(message(entry(0), entry(1)));
    expect(request.parameters?.get("k")).toEqual({ type: "bool", value: true });
  });
});

describe("what is no message is refused with a status", () => {
  const nested = (depth: number) => [...Array(depth).fill(0x7b), ...Array(depth).fill(0x7c)];
  it.each([
    ["a length beyond the end", [0x0a, 5, 1]],
    ["a length beyond 32 bits", [0x0a, 0x81, 0x80, 0x80, 0x80, 0x20, 1]],
    [
      "a field longer than the message around it",
      [...field(5, 0x0a, 9, 1), 1, 1, 1, 1, 1, 1, 1, 1],
    ],
    ["a tag cut off", [0x8a]],
    ["field number 0", [0x02, 0]],
    ["wire type 6", [0x0e, 0]],
    ["a varint of eleven bytes", [0x78, ...Array(10).fill(0xff), 0x01]],
    ["a group that never ends", [0x7b, 0x08, 1]],
    ["a group that ends as another", [0x7b, 0x74]],
    ["an end without a group", [0x7c]],
    ["groups nested too deep", nested(200)],
    ["a name that is not UTF-8", field(1, 0xc3, 0x28)],
    ["a long id that is not UTF-8", [0x1a, 0x80, 1, ...Array(128).fill(0xff)]],
    ["packed dimensions cut off", field(5, ...field(3, 0x80))],
    [
      "packed elements cut off",
      field(5, ...field(2, ...ascii("FP32")), ...field(5, ...field(6, 1, 2))),
    ],
  ])("%s", (_, bytes) => {
    for (const pieces of [[Uint8Array.from(bytes)], bytes.map((byte) => Uint8Array.of(byte))]) {
      const read = () => decodeInferRequest({ byteLength: bytes.length, pieces });
      expect(read).toThrow(StatusError);
      expect(read).toThrow(/^Unable to parse request: /);
    }
  });

  it.each([
    ["inputs", { inputs: Array(4097).fill({}) }, "more than 4096 inputs"],
    ["outputs", { outputs: Array(4097).fill({}) }, "more than 4096 outputs"],
    [
      "raw tensors",
      { raw_input_contents: Array(4097).fill(Buffer.alloc(0)) },
      "more than 4096 raw tensors",
    ],
    ["dimensions", { inputs: [{ shape: Array(65).fill(1) }] }, "more than 64 dimensions"],
    [
      "parameters",
      {
        parameters: Object.fromEntries(
          Array.from({ length: 4097 }, (_, i) => [i, { bool_param: true }]),
        ),
      },
      "more than 4096 parameters",
    ],
  ])("too many %s", (_, request, text) => {
    expect(() => decoded(encoded(request))).toThrow(text);
  });

  it.each([
    ["unknown", 0x78],
    ["known", 0x0a],
    ["grouped", 0x7b],
  ])("too many %s fields, in one piece or two", (_, tag) => {
    const bytes = new Uint8Array(2 ** 20).map((_, i) => (i % 2 ? (tag === 0x7b ? 0x7c : 0) : tag));
    for (const pieces of [[bytes], [bytes.subarray(0, 9), bytes.subarray(9)]]) {
      const read = () => decodeInferRequest({ byteLength: bytes.length, pieces });
      expect(read).toThrow("more than 262144 fields");
    }
  });
});
