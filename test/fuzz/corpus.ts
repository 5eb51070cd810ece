/** Right messages to begin with: one of every kind that the gateway reads. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadInferenceDefinition } from "../../src/grpc/rpc/definition.ts";
import { packageRoot } from "../../src/package-root.ts";
import { temporaryRepository } from "../support/model-repository.ts";

const INT32 = Buffer.alloc(64, 1);
const WORDS = Buffer.from([1, 0, 0, 0, 0x61, 0, 0, 0, 0, 2, 0, 0, 0, 0x62, 0, 1, 0, 0, 0, 0x63]);

const tensor = (name: string, datatype: string, shape: readonly number[]) => ({
  name,
  datatype,
  shape,
});
const both = [tensor("INPUT0", "INT32", [1, 16]), tensor("INPUT1", "INT32", [1, 16])];

const SIMPLE = { model_name: "simple", inputs: both, raw_input_contents: [INT32, INT32] };

/** By RPC; the streaming one takes the messages of ModelInfer. */
const REQUESTS: Readonly<Record<string, readonly object[]>> = {
  ModelInfer: [
    SIMPLE,
    { ...SIMPLE, id: "7", outputs: [{ name: "OUTPUT1" }], model_version: "1" },
    {
      ...SIMPLE,
      parameters: {
        priority: { uint64_param: "1" },
        timeout: { int64_param: "100000" },
        site: { string_param: "T2" },
        weight: { double_param: 0.5 },
        sequence_id: { int64_param: "9" },
        sequence_start: { bool_param: true },
        sequence_end: { bool_param: true },
      },
    },
    {
      ...SIMPLE,
      outputs: [{ name: "OUTPUT0", parameters: { classification: { int64_param: "3" } } }],
    },
    {
      model_name: "simple",
      inputs: both.map((input) => ({ ...input, contents: { int_contents: Array(16).fill(3) } })),
    },
    {
      model_name: "words",
      inputs: [tensor("INPUT0", "BYTES", [1, 4])],
      raw_input_contents: [WORDS],
    },
    {
      model_name: "words",
      inputs: [
        {
          ...tensor("INPUT0", "BYTES", [1, 4]),
          contents: { bytes_contents: ["a", "", "b", "c"].map(Buffer.from) },
        },
      ],
    },
    {
      model_name: "free",
      inputs: [tensor("INPUT0", "FP32", [3, 4])],
      raw_input_contents: [Buffer.alloc(48)],
    },
    {
      model_name: "simple",
      inputs: both.map((input) => ({
        ...input,
        parameters: {
          shared_memory_region: { string_param: "region" },
          shared_memory_byte_size: { int64_param: "64" },
          shared_memory_offset: { int64_param: "0" },
        },
      })),
    },
  ],
  ServerLive: [{}],
  ServerReady: [{}],
  ServerMetadata: [{}],
  ModelReady: [{ name: "simple", version: "1" }],
  ModelMetadata: [{ name: "simple", version: "1" }],
  ModelConfig: [{ name: "simple", version: "1" }],
  ModelStatistics: [{ name: "simple", version: "1" }],
  RepositoryIndex: [{ ready: true }],
  RepositoryModelLoad: [
    { model_name: "words", parameters: { config: { string_param: '{"max_batch_size":"4"}' } } },
  ],
  RepositoryModelUnload: [
    { model_name: "nobody", parameters: { unload_dependents: { bool_param: true } } },
  ],
  SystemSharedMemoryStatus: [{ name: "region" }],
  SystemSharedMemoryRegister: [{ name: "region", key: "/beamgate_fuzz", byte_size: "64" }],
  SystemSharedMemoryUnregister: [{ name: "region" }],
  CudaSharedMemoryStatus: [{ name: "region" }],
  CudaSharedMemoryRegister: [{ name: "c", raw_handle: Buffer.alloc(64), byte_size: "64" }],
  CudaSharedMemoryUnregister: [{ name: "region" }],
  TraceSetting: [{ settings: { trace_rate: { value: ["7"] } }, model_name: "simple" }],
  LogSettings: [{ settings: { log_verbose_level: { uint32_param: 0 } } }],
};

export interface GrpcSeed {
  readonly path: string;
  readonly rpc: string;
  readonly message: Buffer;
}

/** Right requests for every RPC, as bytes. */
export function grpcSeeds(): readonly GrpcSeed[] {
  const { service } = loadInferenceDefinition();
  return Object.entries(REQUESTS).flatMap(([rpc, requests]) => {
    const method = service[rpc];
    if (method === undefined) throw new Error(`no RPC ${rpc}`);
    return requests.map((request) => ({
      rpc,
      path: method.path,
      message: method.requestSerialize(request),
    }));
  });
}

/** The request whose answer is known: what neighbours send. */
export const NEIGHBOUR = SIMPLE;

export interface HttpSeed {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const post = (path: string, body: object, tail = Buffer.alloc(0)): HttpSeed => {
  const header = Buffer.from(JSON.stringify(body));
  const length = { "inference-header-content-length": String(header.length) };
  return {
    method: "POST",
    path,
    headers: tail.length > 0 ? length : {},
    body: Buffer.concat([header, tail]),
  };
};

const jsonTensors = both.map((input) => ({ ...input, data: Array(16).fill(1) }));
const binaryTensors = both.map((input) => ({ ...input, parameters: { binary_data_size: 64 } }));

export const HTTP_SEEDS: readonly HttpSeed[] = [
  post("/v2/models/simple/infer", { inputs: jsonTensors }),
  post("/v2/models/simple/infer", {
    id: "7",
    inputs: jsonTensors,
    outputs: [{ name: "OUTPUT0", parameters: { classification: 2 } }],
    parameters: { sequence_id: 3, priority: 1, timeout: 10000, site: "T2" },
  }),
  post("/v2/models/simple/infer", { inputs: binaryTensors }, Buffer.concat([INT32, INT32])),
  post(
    "/v2/models/simple/versions/1/infer",
    { inputs: binaryTensors, parameters: { binary_data_output: true } },
    Buffer.concat([INT32, INT32]),
  ),
  post("/v2/models/words/infer", {
    inputs: [{ ...tensor("INPUT0", "BYTES", [1, 4]), data: ["a", "", "µ", "\u0000"] }],
  }),
  post("/v2/models/free/infer", {
    inputs: [{ ...tensor("INPUT0", "FP32", [2, 4]), data: [1, 2.5, -3e4, 0, 1, 2, 3, 4] }],
  }),
  post("/v2/models/free/generate", { INPUT0: [[1, 2, 3, 4]] }),
  post("/v2/models/free/generate_stream", { INPUT0: [[1, 2, 3, 4]] }),
  post("/v2/repository/index", { ready: true }),
  post("/v2/repository/models/words/load", { parameters: { config: "{}" } }),
  post("/v2/repository/models/nobody/unload", { parameters: { unload_dependents: true } }),
  post("/v2/trace/setting", { trace_rate: "9" }),
  post("/v2/models/simple/trace/setting", { trace_count: "5" }),
  post("/v2/logging", { log_verbose_level: 0 }),
  post("/v2/systemsharedmemory/region/r/register", { key: "/beamgate_fuzz", byte_size: 64 }),
  post("/v2/systemsharedmemory/region/r/unregister", {}),
  { method: "GET", path: "/v2/models/simple/config", headers: {}, body: Buffer.alloc(0) },
  { method: "GET", path: "/v2/models/simple/versions/1/stats", headers: {}, body: Buffer.alloc(0) },
];

export const HTTP_NEIGHBOUR: HttpSeed = post("/v2/models/simple/infer", { inputs: jsonTensors });

/** Every config.pbtxt that the project ships, and the real ones beside it where they are. */
export function configSeeds(): readonly Buffer[] {
  const folders = [join(packageRoot, "models"), join(packageRoot, "..", "shared", "configs")];
  return folders.flatMap((folder) => pbtxtFiles(folder)).map((path) => readFileSync(path));
}

function pbtxtFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".pbtxt"))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return []; // not here: the others do
  }
}

/** What the gateway under attack serves. */
export function targetRepository() {
  const repository = temporaryRepository();
  const echo = (name: string, datatype: string, dims: string, maxBatchSize: number) =>
    repository.add(
      name,
      `name: "${name}" backend: "echo" max_batch_size: ${maxBatchSize}
       input [ { name: "INPUT0" data_type: TYPE_${datatype} dims: [ ${dims} ] } ]
       output [ { name: "OUTPUT0" data_type: TYPE_${datatype} dims: [ ${dims} ] } ]`,
    );
  const pair = (direction: string) =>
    `${direction} [ { name: "${direction.toUpperCase()}0" data_type: TYPE_INT32 dims: [ 16 ] },
       { name: "${direction.toUpperCase()}1" data_type: TYPE_INT32 dims: [ 16 ] } ]`;
  repository.add(
    "simple",
    `name: "simple" backend: "echo" max_batch_size: 8 ${pair("input")} ${pair("output")}
     parameters { key: "mode" value { string_value: "addsub" } } dynamic_batching { }`,
  );
  echo("words", "STRING", "4", 8);
  echo("free", "FP32", "-1, 4", 0);
  return repository;
}
