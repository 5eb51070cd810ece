import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import { parseModelVersion } from "../inference/model-version.ts";
import type { InferCall, ModelSignature, WireRequest } from "../inference/request.ts";
import { silent } from "../logger.ts";
import { refuseUnlessExplicit } from "../registry/control.ts";
import type { IndexEntry, ModelDefinition } from "../registry/types.ts";
import { loadInferenceDefinition } from "./rpc/definition.ts";
import type { RepositoryAccess } from "./rpc/repository.ts";
import { type InferenceService, registerInferenceService } from "./service.ts";
import { DEFAULT_KEEPALIVE } from "./transport/options.ts";
import { GrpcServer } from "./transport/server.ts";

const definition = loadInferenceDefinition();

const signature: ModelSignature = {
  name: "simple",
  version: "2",
  maxBatchSize: 8,
  inputs: [{ name: "INPUT0", datatype: "INT32", shape: [16] }],
  outputs: [{ name: "OUTPUT0", datatype: "BYTES", shape: [-1] }],
  decoupled: false,
  reproducible: false,
};
const model = {
  signature,
  config: {
    name: "simple",
    backend: "onnxruntime",
    max_batch_size: 8,
    input: [{ name: "INPUT0", data_type: "TYPE_INT32", dims: ["16"] }],
    dynamic_batching: { preferred_batch_size: [4], max_queue_delay_microseconds: "100" },
    parameters: { threads: { string_value: "1" } },
  },
} as unknown as ModelDefinition;
const index: IndexEntry[] = [
  { name: "simple", version: "2", state: "READY", reason: "" },
  { name: "broken", version: "1", state: "UNAVAILABLE", reason: "no such file" },
];
const unknown = (name: string) =>
  new StatusError("NOT_FOUND", `Request for unknown model: '${name}' is not found`);

const refused = async () => refuseUnlessExplicit("none");

/** Calls that the gateway got and has not answered. */
const calls: { wire: WireRequest; call: InferCall }[] = [];

/** What clients said about traces and the log. */
const updates: unknown[][] = [];

function aService(repository: Partial<RepositoryAccess> = {}): InferenceService {
  return {
    server: { version: "9.8.7", ready: () => false },
    inference: { infer: (wire, call) => void calls.push({ wire, call }) },
    models: {
      // Reads what the client wrote as the repository does.
      find(name, version) {
        const named = parseModelVersion(version);
        if (name !== "simple") throw unknown(name);
        return named === "" ? model : { ...model, version: named };
      },
      isReady: (name, version) =>
        ["", "2"].includes(parseModelVersion(version)) && name === "simple",
      readyVersions: () => ["1", "2"],
    },
    statistics: {
      served: () => [
        { name: "simple", version: "1" },
        { name: "simple", version: "2" },
        { name: "other", version: "1" },
      ],
      statistics: (name, version) => ({ name, version, inference_count: "9007199254740993" }),
    },
    repository: { index: () => index, load: refused, unload: refused, ...repository },
    sharedMemory: undefined,
    trace: {
      settings: (model) => new Map([["trace_rate", [model || "1000"]]]),
      update: (...said) => void updates.push(said),
    },
    log: {
      settings: () => ({ log_file: "", log_info: true, log_verbose_level: 3 }),
      update: (said) => void updates.push([said]),
    },
  };
}

async function aServer(service: InferenceService): Promise<{ server: GrpcServer; client: Client }> {
  const server = new GrpcServer({
    address: "127.0.0.1",
    port: 0,
    maxMessageBytes: 2 ** 20,
    receiveBudgetBytes: 2 ** 22,
    responseCompression: "none",
    keepalive: DEFAULT_KEEPALIVE,
    maxConnectionAgeMs: 0,
    maxConnectionAgeGraceMs: 0,
    maxConcurrentStreams: 100,
    clock: systemClock,
    log: silent,
  });
  registerInferenceService(server, definition, service);
  const { port } = await server.listen();
  return { server, client: new Client(`127.0.0.1:${port}`, credentials.createInsecure()) };
}

let running: Awaited<ReturnType<typeof aServer>>;

function methodOf(rpc: string) {
  const method = definition.service[rpc];
  if (method === undefined) throw new Error(`no RPC ${rpc}`);
  return method;
}

function callOn(client: Client, rpc: string, request: object): Promise<unknown> {
  const method = methodOf(rpc);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize as (value: object) => Buffer,
      method.responseDeserialize as (bytes: Buffer) => unknown,
      request,
      (error: ServiceError | null, response?: unknown) =>
        error ? reject(error) : resolve(response),
    );
  });
}
const ask = (rpc: string, request: object = {}) => callOn(running.client, rpc, request);

beforeAll(async () => {
  running = await aServer(aService());
});
afterAll(async () => {
  running.client.close();
  await running.server.stop();
});

describe("the server tells of itself", () => {
  it("that it lives, whether it is ready, and Triton's name", async () => {
    expect(await ask("ServerLive")).toEqual({ live: true });
    expect(await ask("ServerReady")).toEqual({ ready: false });
    expect(await ask("ServerMetadata")).toMatchObject({ name: "triton", version: "9.8.7" });
  });
});

describe("a model", () => {
  it.each([
    ["simple", "", true],
    ["simple", "2", true],
    ["simple", "02x", true],
    ["simple", "3", false],
    ["nobody", "", false],
  ])("%s version %j is ready: %s", async (name, version, ready) => {
    expect(await ask("ModelReady", { name, version })).toEqual({ ready });
  });

  it("has metadata with the batch axis in its shapes", async () => {
    expect(await ask("ModelMetadata", { name: "simple" })).toEqual({
      name: "simple",
      versions: ["1", "2"],
      platform: "onnxruntime",
      inputs: [{ name: "INPUT0", datatype: "INT32", shape: ["-1", "16"] }],
      outputs: [{ name: "OUTPUT0", datatype: "BYTES", shape: ["-1", "-1"] }],
    });
    const named = await ask("ModelMetadata", { name: "simple", version: "2" });
    expect(named).toMatchObject({ versions: ["2"] });
  });

  it("shows its configuration as it is", async () => {
    expect(await ask("ModelConfig", { name: "simple" })).toMatchObject({
      config: {
        ...model.config,
        scheduling_choice: "dynamic_batching",
        dynamic_batching: { preferred_batch_size: [4], max_queue_delay_microseconds: "100" },
      },
    });
  });

  it.each(["ModelMetadata", "ModelConfig"])("%s of an unknown one is NOT_FOUND", async (rpc) => {
    await expect(ask(rpc, { name: "nobody" })).rejects.toMatchObject({
      code: 5,
      details: "Request for unknown model: 'nobody' is not found",
    });
  });

  it.each(["ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"])(
    "%s of a version that is no number is INVALID_ARGUMENT",
    async (rpc) => {
      await expect(ask(rpc, { name: "simple", version: "new" })).rejects.toMatchObject({
        code: 3,
        details:
          "failed to get model version from specified version string 'new' (details: stol), version should be an integral value > 0",
      });
    },
  );
});

describe("statistics", () => {
  const names = async (request: object) => {
    const { model_stats } = (await ask("ModelStatistics", request)) as {
      model_stats: { name: string; version: string; inference_count: string }[];
    };
    expect(model_stats[0]?.inference_count).toBe("9007199254740993");
    return model_stats.map(({ name, version }) => `${name}/${version}`);
  };

  it("are of all models, one, or one version", async () => {
    expect(await names({})).toEqual(["simple/1", "simple/2", "other/1"]);
    expect(await names({ name: "simple" })).toEqual(["simple/1", "simple/2"]);
    expect(await names({ name: "simple", version: "1" })).toEqual(["simple/1"]);
  });

  it.each([
    [{ name: "nobody" }, "requested model 'nobody' is not available"],
    [
      { name: "simple", version: "7" },
      "requested model version is not available for model 'simple'",
    ],
  ])("of %j are refused", async (request, details) => {
    await expect(ask("ModelStatistics", request)).rejects.toMatchObject({ code: 3, details });
  });
});

describe("the repository", () => {
  it("lists every version, or only those that are ready", async () => {
    expect(await ask("RepositoryIndex")).toEqual({ models: index });
    expect(await ask("RepositoryIndex", { ready: true })).toEqual({ models: index.slice(0, 1) });
  });

  it.each(["RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"])(
    "%s knows no repositories by name",
    async (rpc) => {
      await expect(ask(rpc, { repository_name: "r" })).rejects.toMatchObject({
        code: 12,
        details: "'repository_name' specification is not supported",
      });
    },
  );

  it.each(["RepositoryModelLoad", "RepositoryModelUnload"])("%s is refused", async (rpc) => {
    await expect(ask(rpc, { model_name: "simple" })).rejects.toMatchObject({
      code: 14,
      details: "explicit model load / unload is not allowed if polling is enabled",
    });
  });

  it("is controlled by clients where somebody takes their orders", async () => {
    const orders: unknown[] = [];
    const { server, client } = await aServer(
      aService({
        load: async (name, parameters) => void orders.push(["load", name, parameters]),
        unload: async (name) => {
          throw new StatusError("INTERNAL", `failed to unload '${name}'`);
        },
      }),
    );
    try {
      const parameters = {
        config: { string_param: "{}" },
        empty: { string_param: "" },
        "file:1/m": { bytes_param: Buffer.from([1, 2]) },
        flag: { bool_param: false },
        nothing: {},
        number: { int64_param: "7" },
      };
      await callOn(client, "RepositoryModelLoad", { model_name: "m", parameters });
      const read = new Map<string, unknown>([
        ["config", { type: "string", value: "{}" }],
        ["empty", { type: "string", value: "" }],
        ["file:1/m", { type: "bytes", value: Buffer.from([1, 2]) }],
        ["flag", { type: "bool", value: false }],
        ["nothing", { type: "unset" }],
        ["number", { type: "int64", value: "7" }],
      ]);
      expect(orders).toEqual([["load", "m", read]]);
      const unload = callOn(client, "RepositoryModelUnload", { model_name: "m" });
      await expect(unload).rejects.toMatchObject({ code: 13, details: "failed to unload 'm'" });
    } finally {
      client.close();
      await server.stop();
    }
  });
});

describe("settings of traces and of the log", () => {
  it("go to and fro as Triton's messages have them", async () => {
    expect(await ask("TraceSetting", { model_name: "jets" })).toEqual({
      settings: { trace_rate: { value: ["jets"] } },
    });
    const settings = {
      trace_rate: { value: ["3"] },
      trace_level: { value: [] },
    };
    await ask("TraceSetting", { model_name: "jets", settings });
    expect(updates.at(-1)).toEqual([
      "jets",
      new Map([
        ["trace_rate", ["3"]],
        ["trace_level", []],
      ]),
    ]);
    expect(await ask("LogSettings")).toMatchObject({
      settings: { log_info: { bool_param: true }, log_verbose_level: { uint32_param: 3 } },
    });
    await ask("LogSettings", { settings: { log_info: { bool_param: false }, log_error: {} } });
    expect(updates.at(-1)).toEqual([{ log_info: false, log_error: undefined }]);
  });
});

describe("what is not offered", () => {
  it.each([
    "SystemSharedMemoryStatus",
    "SystemSharedMemoryRegister",
    "SystemSharedMemoryUnregister",
    "CudaSharedMemoryStatus",
    "CudaSharedMemoryRegister",
    "CudaSharedMemoryUnregister",
  ])("%s is UNIMPLEMENTED, in Triton's words", async (rpc) => {
    await expect(ask(rpc)).rejects.toMatchObject({
      code: 12,
      details:
        "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.",
    });
  });
});

describe("an inference", () => {
  async function arrival(): Promise<{ wire: WireRequest; call: InferCall }> {
    for (;;) {
      const next = calls.shift();
      if (next) return next;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const request = {
    model_name: "simple",
    id: "7",
    inputs: [{ name: "INPUT0", datatype: "INT32", shape: [1] }],
    raw_input_contents: [Buffer.of(1, 2, 3, 4)],
  };

  it("is decoded, answered and encoded", async () => {
    const answer = ask("ModelInfer", request);
    const { wire, call } = await arrival();
    expect(wire).toMatchObject({ model: "simple", id: "7", inputs: [{ name: "INPUT0" }] });
    expect(call.timeline.received).toBeGreaterThan(0);
    expect(call.deadline).toBe(Number.POSITIVE_INFINITY);
    const output = {
      name: "OUTPUT0",
      datatype: "UINT8",
      shape: [2],
      data: Buffer.of(5, 6),
    } as const;
    call.respond({ model: "simple", version: "2", id: wire.id, outputs: [output] }, true);
    expect(await answer).toMatchObject({
      model_name: "simple",
      model_version: "2",
      id: "7",
      outputs: [{ name: "OUTPUT0", datatype: "UINT8", shape: ["2"], contents: null }],
      raw_output_contents: [Buffer.of(5, 6)],
    });
  });

  it("that fails carries the status", async () => {
    const answer = ask("ModelInfer", request);
    (await arrival()).call.fail(unknown("simple"));
    await expect(answer).rejects.toMatchObject({ code: 5 });
  });

  it("is told when its client hangs up", async () => {
    const method = methodOf("ModelInfer");
    const ongoing = running.client.makeUnaryRequest(
      method.path,
      method.requestSerialize as (value: object) => Buffer,
      (bytes: Buffer) => bytes,
      request,
      () => {},
    );
    const { call } = await arrival();
    const told = new Promise<void>((resolve) => {
      call.onCancel = resolve;
    });
    ongoing.cancel();
    await told;
    expect(call.cancelled).toBe(true);
  });

  it("on a stream is answered in its turn, and half-close ends the stream with OK", async () => {
    const method = methodOf("ModelStreamInfer");
    const stream = running.client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize as (value: object) => Buffer,
      method.responseDeserialize as (bytes: Buffer) => { infer_response: { id: string } },
    );
    const ids: string[] = [];
    stream.on("data", ({ infer_response }) => ids.push(infer_response.id));
    const ended = new Promise((resolve) => stream.on("status", resolve));
    stream.write({ ...request, id: "first" });
    stream.write({ ...request, id: "second" });
    stream.end();
    const asked = [await arrival(), await arrival()];
    for (const { wire, call } of asked.reverse()) {
      call.respond({ model: "simple", version: "2", id: wire.id, outputs: [] }, true);
    }
    expect(await ended).toMatchObject({ code: 0 });
    expect(ids).toEqual(["first", "second"]);
  });

  it("that is no message never reaches the gateway", async () => {
    const failed = new Promise<ServiceError | null>((resolve) => {
      running.client.makeUnaryRequest(
        methodOf("ModelInfer").path,
        () => Buffer.of(0x0a, 9),
        (bytes: Buffer) => bytes,
        {},
        (error) => resolve(error),
      );
    });
    expect(await failed).toMatchObject({
      code: 13,
      details: "Unable to parse request: it ends in the middle of a field",
    });
    expect(calls).toEqual([]);
  });
});
