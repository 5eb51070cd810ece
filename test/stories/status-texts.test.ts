/**
 * Every refusal of Triton's protocol, a row each: what is called, the status and
 * the words. In the order of the protocol's own table (model, request checks,
 * front-end, queue and sequences, repository, statistics, trace, log, shared memory).
 */
import { Client, credentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadInferenceDefinition } from "../../src/grpc/rpc/definition.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";

const { service } = loadInferenceDefinition();
const models = temporaryRepository();
const explicitModels = temporaryRepository();
const FLAGS = ["--allow-client-shm=true"];
const EXPLICIT = ["--model-control-mode=explicit", "--load-model=simple"];
const RESTRICTED = ["--grpc-restricted-protocol=trace:secret=token"];

type Side = "fixed" | "explicit" | "closed";
const gateways = {} as Record<Side, GatewayProcess>;
const clients = {} as Record<Side, Client>;

beforeAll(async () => {
  const pair = (role: "input" | "output") =>
    `${role} [ { name: "${role.toUpperCase()}0" data_type: TYPE_INT32 dims: [ 16 ] },
       { name: "${role.toUpperCase()}1" data_type: TYPE_INT32 dims: [ 16 ] } ]`;
  const addSub = `name: "simple" backend: "echo" max_batch_size: 8 ${pair("input")} ${pair("output")}
    parameters { key: "mode" value { string_value: "addsub" } }`;
  models.add("simple", addSub);
  explicitModels.add("simple", addSub);
  explicitModels.add("broken", 'name: "broken" backend: "echo" max_batch_size: many');
  explicitModels.add(
    "mute",
    echoConfig({ name: "mute", maxBatchSize: 8, dims: [1] }).replace("identity", "telepathy"),
  );
  const echo = (name: string, datatype: string, dims: number[], maxBatchSize: number, more = "") =>
    models.add(name, echoConfig({ name, datatype, dims, maxBatchSize, more }));
  echo("strings", "STRING", [16], 8);
  echo("free", "FP32", [-1, 4], 0);
  echo("half", "FP16", [4], 8);
  echo("stream", "INT32", [1], 8, "model_transaction_policy { decoupled: true }");
  models.add(
    "optional",
    `name: "optional" backend: "echo" max_batch_size: 8
     input [ { name: "A" data_type: TYPE_FP32 dims: [ 1 ] },
             { name: "B" data_type: TYPE_FP32 dims: [ 1 ] optional: true } ]
     output [ { name: "OUT" data_type: TYPE_FP32 dims: [ 1 ] } ]`,
  );
  const control = (name: string, kind: string) =>
    `{ name: "${name}" control [ { kind: CONTROL_SEQUENCE_${kind} int32_false_true: [ 0, 1 ] } ] }`;
  echo(
    "sequence",
    "INT32",
    [1],
    8,
    `sequence_batching { max_sequence_idle_microseconds: 60000000
       control_input [ ${control("START", "START")}, ${control("READY", "READY")} ] }`,
  );
  models.add(
    "short",
    echoConfig({
      name: "short",
      maxBatchSize: 1,
      dims: [1],
      delayMs: 300,
      more: "dynamic_batching { default_queue_policy { max_queue_size: 1 } }",
    }),
  );
  models.add(
    "impatient",
    echoConfig({
      name: "impatient",
      maxBatchSize: 1,
      dims: [1],
      delayMs: 300,
      more: "dynamic_batching { default_queue_policy { default_timeout_microseconds: 1000 } }",
    }),
  );
  const start = async (side: Side, repository: string, flags: readonly string[]) => {
    gateways[side] = await startGateway({ repositories: [repository], flags });
    const address = `127.0.0.1:${gateways[side].grpcPort}`;
    clients[side] = new Client(address, credentials.createInsecure());
  };
  await Promise.all([
    start("fixed", models.folder, FLAGS),
    start("explicit", explicitModels.folder, EXPLICIT),
    start("closed", explicitModels.folder, RESTRICTED),
  ]);
}, 120_000);

afterAll(async () => {
  for (const client of Object.values(clients)) client.close();
  await Promise.all(Object.values(gateways).map((gateway) => gateway.stop()));
  models.remove();
  explicitModels.remove();
});

interface Outcome {
  readonly code: string;
  readonly text: string;
  readonly answer?: unknown;
}

function call(rpc: string, request: object, side: Side = "fixed"): Promise<Outcome> {
  const method = service[rpc];
  if (method === undefined) throw new Error(`no RPC ${rpc}`);
  return new Promise((resolve) => {
    clients[side].makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      { deadline: Date.now() + 60_000 },
      (error, answer) => {
        if (error === null) resolve({ code: "OK", text: "", answer });
        else resolve({ code: status[error.code] ?? "?", text: error.details });
      },
    );
  });
}

const NUMBERS = Buffer.alloc(64);
const UNKNOWN_ID = "[request id: <id_unknown>] ";

interface Input {
  readonly name?: string;
  readonly datatype?: string;
  readonly shape?: readonly (number | string)[];
  readonly raw?: Uint8Array;
  readonly [field: string]: unknown;
}

/** A request for `simple` that is right but for what is given. */
function ask(change: object = {}, first: Input = {}, second: Input = {}): object {
  const tensors = [
    { name: "INPUT0", datatype: "INT32", shape: [1, 16], raw: NUMBERS, ...first },
    { name: "INPUT1", datatype: "INT32", shape: [1, 16], raw: NUMBERS, ...second },
  ];
  return {
    model_name: "simple",
    inputs: tensors.map(({ raw: _, ...tensor }) => tensor),
    raw_input_contents: tensors.map(({ raw }) => raw),
    ...change,
  };
}

/** A request with one tensor. */
function one(model: string, tensor: Input, change: object = {}): object {
  const { raw, ...input } = { name: "INPUT0", ...tensor };
  const contents = raw === undefined ? {} : { raw_input_contents: [raw] };
  return { model_name: model, inputs: [input], ...contents, ...change };
}

const parameter = (key: string, value: object) => ask({ parameters: { [key]: value } });
const output = (parameters: object) => ask({ outputs: [{ name: "OUTPUT0", parameters }] });
const input = (parameters: object) => ask({}, { parameters });
const string = (value: string) => ({ string_param: value });
const int64 = (value: number) => ({ int64_param: String(value) });
const bool = (value: boolean) => ({ bool_param: value });
const step = (mark: object, change: object = {}) =>
  one(
    "sequence",
    { datatype: "INT32", shape: [1, 1], raw: Buffer.alloc(4) },
    { parameters: mark, ...change },
  );

type Row = readonly [
  text: string | RegExp,
  rpc: string,
  request: object | (() => Promise<Outcome>),
  side?: Side,
];

/** Rows of one status. */
function refused(code: keyof typeof status, rows: readonly Row[]): void {
  it.each(rows.map(([text, rpc, request, side]) => ({ text, rpc, request, side })))(
    `${code}: $text`,
    async ({ text, rpc, request, side }) => {
      const outcome =
        typeof request === "function" ? await request() : await call(rpc, request, side);
      expect(outcome).toEqual({
        code,
        text: typeof text === "string" ? text : expect.stringMatching(text),
      });
    },
  );
}

describe("which model", () => {
  refused("NOT_FOUND", [
    ["Request for unknown model: 'X' is not found", "ModelMetadata", { name: "X" }],
    ["Request for unknown model: 'X' is not found", "ModelInfer", ask({ model_name: "X" })],
    [
      "Request for unknown model: 'simple' version 9 is not found",
      "ModelConfig",
      { name: "simple", version: "9" },
    ],
    [
      "Request for unknown model: 'simple' has no available versions",
      "ModelInfer",
      async () => {
        await call("RepositoryModelUnload", { model_name: "simple" }, "explicit");
        return call("ModelInfer", ask(), "explicit");
      },
    ],
  ]);
  refused("UNAVAILABLE", [
    [
      "Request for unknown model: 'simple' version 1 is not at ready state",
      "ModelInfer",
      ask({ model_version: "1" }),
      "explicit",
    ],
  ]);
  refused("INVALID_ARGUMENT", [
    [
      "failed to get model version from specified version string 'S' (details: stol), version should be an integral value > 0",
      "ModelInfer",
      ask({ model_version: "S" }),
    ],
    [
      "invalid model version specified '-1' , version should be an integral value > 0",
      "ModelInfer",
      ask({ model_version: "-1" }),
    ],
  ]);
  it("a version that begins with a number is that number", async () => {
    expect(await call("ModelInfer", ask({ model_version: "1abc" }))).toMatchObject({ code: "OK" });
  });
  it("a model that is not there is not ready, and that is no error", async () => {
    expect(await call("ModelReady", { name: "X" })).toMatchObject({ answer: { ready: false } });
  });
});

describe("the checks of a request", () => {
  const BATCH_NOTE =
    "NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting max_batch_size to zero. See the model configuration docs for more info on max_batch_size.";
  const words = (...elements: string[]) =>
    Buffer.concat(
      elements.map((element) => {
        const length = Buffer.alloc(4);
        length.writeUInt32LE(element.length);
        return Buffer.concat([length, Buffer.from(element)]);
      }),
    );
  const text = (raw: Uint8Array) => one("strings", { datatype: "BYTES", shape: [1, 16], raw });
  const sixteen = words(...Array<string>(16).fill("a"));
  refused("INVALID_ARGUMENT", [
    [
      "unexpected inference output 'O' for model 'simple'",
      "ModelInfer",
      ask({ outputs: [{ name: "O" }] }),
    ],
    [
      `${UNKNOWN_ID}expected 2 inputs but got 1 inputs for model 'simple'. Got input(s) ['INPUT0'], but missing required input(s) ['INPUT1']. Please provide all required input(s).`,
      "ModelInfer",
      one("simple", { datatype: "INT32", shape: [1, 16], raw: NUMBERS }),
    ],
    [
      "[request id: 7] expected 2 inputs but got 0 inputs for model 'simple'. Got input(s) [], but missing required input(s) ['INPUT0','INPUT1']. Please provide all required input(s).",
      "ModelInfer",
      { model_name: "simple", id: "7" },
    ],
    [
      `${UNKNOWN_ID}expected number of inputs between 1 and 2 but got 3 inputs for model 'optional'. Got input(s) ['A','B','C'], but missing required input(s) ]. Please provide all required input(s).`,
      "ModelInfer",
      {
        model_name: "optional",
        inputs: ["A", "B", "C"].map((name) => ({ name, datatype: "FP32", shape: [1, 1] })),
        raw_input_contents: [1, 2, 3].map(() => Buffer.alloc(4)),
      },
    ],
    ["unexpected inference input 'I' for model 'simple'", "ModelInfer", ask({}, {}, { name: "I" })],
    [
      `${UNKNOWN_ID}input 'INPUT0' has no shape but model requires batch dimension for 'simple'`,
      "ModelInfer",
      ask({}, { shape: [] }),
    ],
    [
      `${UNKNOWN_ID}input 'INPUT1' batch size does not match other inputs for 'simple'`,
      "ModelInfer",
      ask({}, {}, { shape: [2, 16], raw: Buffer.alloc(128) }),
    ],
    [
      `${UNKNOWN_ID}inference request batch-size must be <= 8 for 'simple'`,
      "ModelInfer",
      ask({}, { shape: [9, 16] }, { shape: [9, 16] }),
    ],
    [
      `${UNKNOWN_ID}inference input 'INPUT0' data-type is 'FP32', but model 'simple' expects 'INT32'`,
      "ModelInfer",
      ask({}, { datatype: "FP32" }),
    ],
    [
      `${UNKNOWN_ID}All input dimensions should be specified for input 'INPUT0' for model 'free', got [-1,4]`,
      "ModelInfer",
      one("free", { datatype: "FP32", shape: [-1, 4], raw: Buffer.alloc(16) }),
    ],
    [
      `${UNKNOWN_ID}unexpected shape for input 'INPUT0' for model 'simple'. Expected [-1,16], got [1,8]. ${BATCH_NOTE}`,
      "ModelInfer",
      ask({}, { shape: [1, 8], raw: Buffer.alloc(32) }),
    ],
    [
      /^\[request id: <id_unknown>\] unexpected shape for input 'INPUT0' for model 'free'\. Expected \[-1,4\], got \[2,5\]\. ?$/,
      "ModelInfer",
      one("free", { datatype: "FP32", shape: [2, 5], raw: Buffer.alloc(40) }),
    ],
    [
      `${UNKNOWN_ID}input byte size mismatch for input 'INPUT0' for model 'simple'. Expected 64, got 60`,
      "ModelInfer",
      ask({}, { raw: Buffer.alloc(60) }),
    ],
    [
      `${UNKNOWN_ID}incomplete string length indicator for inference input 'INPUT0' for model 'strings', expecting 4 bytes but only 2 bytes available. Please make sure the string length indicator is in one buffer.`,
      "ModelInfer",
      text(Buffer.concat([words("a", "b"), Buffer.alloc(2)])),
    ],
    [
      `${UNKNOWN_ID}unexpected number of string elements 17 for inference input 'INPUT0' for model 'strings', expecting 16`,
      "ModelInfer",
      text(Buffer.concat([sixteen, words("a")])),
    ],
    [
      `${UNKNOWN_ID}expected 16 string elements for inference input 'INPUT0' for model 'strings', got 15`,
      "ModelInfer",
      text(words(...Array<string>(15).fill("a"))),
    ],
    [
      `${UNKNOWN_ID}input 'INPUT0' already exists in request`,
      "ModelInfer",
      ask({}, {}, { name: "INPUT0" }),
    ],
  ]);
});

describe("the gRPC front-end", () => {
  const typed = (contents: object, datatype = "INT32") => ({
    model_name: "simple",
    inputs: ["INPUT0", "INPUT1"].map((name) => ({ name, datatype, shape: [1, 16], contents })),
  });
  const region = {
    shared_memory_region: string("r"),
    shared_memory_byte_size: int64(64),
  };
  const ones = Array<number>(16).fill(1);
  const custom = "expected int64_param, bool_param, or string_param.";
  refused("INVALID_ARGUMENT", [
    [
      "unable to find data for input tensor 'INPUT1' for model 'simple' in request.",
      "ModelInfer",
      ask({ raw_input_contents: [NUMBERS] }),
    ],
    [
      "contents field must not be specified when using raw_input_contents for 'INPUT0' for model 'simple'",
      "ModelInfer",
      ask({}, { contents: { int_contents: ones } }),
    ],
    [
      "unexpected explicit tensor data for input tensor 'INPUT0' for model 'simple' of type 'FP32', expected datatype 'INT32'",
      "ModelInfer",
      typed({ fp32_contents: ones }),
    ],
    [
      "unexpected explicit tensor data for input tensor 'INPUT0' for model 'simple', binary data was already supplied.",
      "ModelInfer",
      typed({ int_contents: ones, fp32_contents: ones }),
    ],
    [
      "unexpected 'content' provided when using shared memory for input tensor 'INPUT0' for model 'simple'",
      "ModelInfer",
      ask({}, { parameters: region, contents: { int_contents: ones } }),
    ],
    [
      "invalid value type for 'sequence_id' parameter, expected int64_param or string_param.",
      "ModelInfer",
      parameter("sequence_id", bool(true)),
    ],
    [
      "invalid value type for 'sequence_start' parameter, expected bool_param.",
      "ModelInfer",
      parameter("sequence_start", int64(1)),
    ],
    [
      "invalid value type for 'sequence_end' parameter, expected bool_param.",
      "ModelInfer",
      parameter("sequence_end", int64(1)),
    ],
    [
      "invalid value type for 'priority' parameter, expected int64_param or uint64_param.",
      "ModelInfer",
      parameter("priority", string("high")),
    ],
    [
      "invalid value for 'priority', expected value >= 0.",
      "ModelInfer",
      parameter("priority", int64(-1)),
    ],
    [
      "invalid value type for 'timeout' parameter, expected int64_param.",
      "ModelInfer",
      parameter("timeout", string("soon")),
    ],
    [
      `invalid value type for 'K' parameter, ${custom}`,
      "ModelInfer",
      parameter("K", { uint64_param: "1" }),
    ],
    [
      "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting with 'triton_' are allowed: triton_enable_empty_final_response",
      "ModelInfer",
      parameter("triton_k", int64(1)),
    ],
    [
      "invalid value type for 'classification' parameter, expected int64_param",
      "ModelInfer",
      output({ classification: string("3") }),
    ],
    [
      "output can't set both 'shared_memory_region' and 'classification'",
      "ModelInfer",
      output({ ...region, classification: int64(3) }),
    ],
    [
      "class result not available for output due to unsupported type 'FP16'",
      "ModelInfer",
      one(
        "half",
        { datatype: "FP16", shape: [1, 4], raw: Buffer.alloc(8) },
        { outputs: [{ name: "OUTPUT0", parameters: { classification: int64(2) } }] },
      ),
    ],
  ]);
  refused("UNIMPLEMENTED", [
    [
      "ModelInfer RPC doesn't support models with decoupled transaction policy",
      "ModelInfer",
      one("stream", { datatype: "INT32", shape: [1, 1], raw: Buffer.alloc(4) }),
    ],
  ]);
});

describe("queues and sequences", () => {
  const slow = (model: string) =>
    one(model, { datatype: "FP32", shape: [1, 1], raw: Buffer.alloc(4) });
  /** The refusal among many calls at once. */
  const crowd = (model: string) => async () => {
    const calls = Array.from({ length: 6 }, () => call("ModelInfer", slow(model)));
    const outcomes = await Promise.all(calls);
    return outcomes.find(({ code }) => code !== "OK") ?? { code: "OK", text: "" };
  };
  refused("UNAVAILABLE", [
    [`${UNKNOWN_ID}Exceeds maximum queue size`, "ModelInfer", crowd("short")],
    ["Request timeout expired", "ModelInfer", crowd("impatient")],
    [
      "This protocol is restricted, expecting header 'triton-grpc-protocol-secret'",
      "TraceSetting",
      {},
      "closed",
    ],
  ]);
  refused("INVALID_ARGUMENT", [
    [
      "inference request for sequence 5 to model 'sequence' must specify the START flag on the first request of the sequence",
      "ModelInfer",
      step({ sequence_id: int64(5) }),
    ],
    [
      "inference request to model 'sequence' must specify a non-zero or non-empty correlation ID",
      "ModelInfer",
      step({ sequence_start: bool(true) }),
    ],
    [
      "inference request to model 'sequence' must specify batch-size 1 due to requirements of sequence batcher",
      "ModelInfer",
      one(
        "sequence",
        { datatype: "INT32", shape: [2, 1], raw: Buffer.alloc(8) },
        { parameters: { sequence_id: int64(6), sequence_start: bool(true) } },
      ),
    ],
  ]);
});

describe("the repository", () => {
  const load = (model: string, parameters: object = {}) => ({ model_name: model, parameters });
  const config = string('{"max_batch_size":4}');
  refused("UNIMPLEMENTED", [
    [
      "'repository_name' specification is not supported",
      "RepositoryIndex",
      { repository_name: "here" },
    ],
  ]);
  refused("UNAVAILABLE", [
    [
      "explicit model load / unload is not allowed if polling is enabled",
      "RepositoryModelLoad",
      load("simple"),
    ],
    [
      "explicit model load / unload is not allowed if polling is enabled",
      "RepositoryModelUnload",
      load("simple"),
    ],
  ]);
  refused("INTERNAL", [
    [
      "failed to load 'X', failed to poll from model repository",
      "RepositoryModelLoad",
      load("X"),
      "explicit",
    ],
    [
      "failed to load 'broken', failed to poll from model repository",
      "RepositoryModelLoad",
      load("broken"),
      "explicit",
    ],
    [
      "failed to load 'simple', failed to poll from model repository",
      "RepositoryModelLoad",
      load("simple", { "file:1/model.onnx": { bytes_param: Buffer.from("x") } }),
      "explicit",
    ],
  ]);
  refused("INVALID_ARGUMENT", [
    [
      /^load failed for model 'mute': version 1 is at UNAVAILABLE state: .*telepathy.*;\n$/,
      "RepositoryModelLoad",
      load("mute"),
      "explicit",
    ],
    [
      "invalid value type for load parameter 'config', expected string_param.",
      "RepositoryModelLoad",
      load("simple", { config: int64(1) }),
      "explicit",
    ],
    [
      "invalid value type for load parameter 'file:1/model.onnx', expected bytes_param.",
      "RepositoryModelLoad",
      load("simple", { config, "file:1/model.onnx": string("x") }),
      "explicit",
    ],
    [
      "unrecognized load parameter 'P'.",
      "RepositoryModelLoad",
      load("simple", { P: int64(1) }),
      "explicit",
    ],
    [
      "invalid value type for 'unload_dependents' parameter, expected bool_param.",
      "RepositoryModelUnload",
      load("simple", { unload_dependents: int64(1) }),
      "explicit",
    ],
    [
      "invalid model name '../simple', model name must not contain path traversal characters",
      "RepositoryModelLoad",
      load("../simple"),
      "explicit",
    ],
  ]);
  it("an unknown model is unloaded without an error", async () => {
    const unloaded = await call("RepositoryModelUnload", load("nobody"), "explicit");
    expect(unloaded).toMatchObject({ code: "OK" });
  });
});

describe("statistics, trace and log settings", () => {
  const trace = (key: string, ...value: string[]) => ({ settings: { [key]: { value } } });
  const log = (key: string, value: object) => ({ settings: { [key]: value } });
  refused("INVALID_ARGUMENT", [
    ["requested model 'X' is not available", "ModelStatistics", { name: "X" }],
    [
      "requested model version is not available for model 'simple'",
      "ModelStatistics",
      { name: "simple", version: "9" },
    ],
    ["Request for unknown model : X", "TraceSetting", { model_name: "X" }],
    ["Unable to parse 'trace_rate', got: x", "TraceSetting", trace("trace_rate", "x")],
    ["expect only 1 value for 'trace_rate'", "TraceSetting", trace("trace_rate", "1", "2")],
    ["expect boolean for 'log_info'", "LogSettings", log("log_info", { uint32_param: 1 })],
    ["expect int32 for 'log_verbose_level'", "LogSettings", log("log_verbose_level", bool(true))],
    ["expect string for 'log_format'", "LogSettings", log("log_format", bool(true))],
    ["invalid argument for log_format, got: x", "LogSettings", log("log_format", string("x"))],
  ]);
  refused("UNIMPLEMENTED", [
    [
      "trace file location can not be updated through network protocol",
      "TraceSetting",
      trace("trace_file", "/x"),
    ],
    [
      "log file location can not be updated through network protocol",
      "LogSettings",
      log("log_file", string("/x")),
    ],
  ]);
});

describe("shared memory", () => {
  const disabled =
    "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.";
  const through = (name: string) =>
    input({ shared_memory_region: string(name), shared_memory_byte_size: int64(64) });
  refused("UNIMPLEMENTED", [
    [disabled, "SystemSharedMemoryStatus", {}, "explicit"],
    [disabled, "SystemSharedMemoryRegister", { name: "r", key: "/r", byte_size: "1" }, "explicit"],
    [disabled, "SystemSharedMemoryUnregister", {}, "explicit"],
  ]);
  refused("INTERNAL", [
    [
      "Unable to open shared memory region: '/beamgate_no_such_key'",
      "SystemSharedMemoryRegister",
      { name: "r", key: "/beamgate_no_such_key", byte_size: "64" },
    ],
  ]);
  refused("NOT_FOUND", [
    ["Unable to find shared memory region: 'none'", "ModelInfer", through("none")],
    [
      "Unable to find system shared memory region: 'none'",
      "SystemSharedMemoryStatus",
      { name: "none" },
    ],
  ]);
  refused("INVALID_ARGUMENT", [
    [
      "failed to register CUDA shared memory region: 'c', GPUs not supported",
      "CudaSharedMemoryRegister",
      { name: "c", raw_handle: Buffer.alloc(64), byte_size: "64" },
    ],
  ]);
});
