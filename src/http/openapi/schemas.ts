/** Schemas of the HTTP port's JSON, for the OpenAPI document. */

const text = { type: "string" };
const flag = { type: "boolean" };
const count = { type: "integer", minimum: 0 };
const listOf = (items: object) => ({ type: "array", items });
const mapOf = (values: object) => ({ type: "object", additionalProperties: values });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const object = (properties: object, required: readonly string[] = []) => ({
  type: "object",
  properties,
  ...(required.length === 0 ? {} : { required }),
});

const tensor = { name: text, datatype: ref("Datatype"), shape: listOf(count) };
const parameters = mapOf({ type: ["string", "number", "boolean"] });
const tensorMetadata = { ...tensor, shape: listOf({ type: "integer", minimum: -1 }) };
const duration = object({ count, ns: count }, ["count", "ns"]);
const durations = (...names: readonly string[]) =>
  object(Object.fromEntries(names.map((name) => [name, duration])));

export const SCHEMAS: Readonly<Record<string, object>> = {
  Any: { type: "object" },
  Error: object(
    {
      error: text,
      code: { ...text, description: "in gRPC's words; only of the registry, as what follows" },
      generation: { ...count, description: "of ABORTED: the one that is there" },
      receivedBytes: count,
      checks: listOf(ref("Check")),
    },
    ["error"],
  ),
  Datatype: {
    type: "string",
    enum: [
      ...["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"],
      ...["FP16", "BF16", "FP32", "FP64", "BYTES"],
    ],
  },
  ServerMetadata: object({ name: text, version: text, extensions: listOf(text) }),
  ModelMetadata: object({
    name: text,
    versions: listOf(text),
    platform: text,
    inputs: listOf(object(tensorMetadata)),
    outputs: listOf(object(tensorMetadata)),
  }),
  ModelConfig: {
    type: "object",
    description: "Triton's ModelConfig message, fields by their names in the proto file",
  },
  Device: object(
    {
      id: text,
      backend: text,
      vendor: text,
      platform: text,
      state: { type: "string", enum: ["ready", "loading", "draining", "drained", "failed"] },
      emulated: flag,
      model: { type: ["string", "null"] },
      breaker: { type: "string", enum: ["closed", "open", "half-open"] },
      description: text,
      location: text,
      linkGroup: text,
      memoryBytes: count,
      switches: count,
      switchMs: count,
      executions: count,
      rows: count,
      busySeconds: { type: "number", minimum: 0 },
      workerPid: count,
      leasedTo: text,
      leasedModels: listOf(text),
      leasedSeconds: count,
      reserved: object({
        ...{ name: text, tenant: text, from: text, to: text },
        state: { type: "string", enum: ["waiting", "draining", "running"] },
      }),
      temperatureC: { type: "number" },
      powerW: { type: "number" },
      utilisation: { type: "number", minimum: 0, maximum: 1 },
      memoryUsedBytes: count,
      sensors: text,
      trouble: text,
    },
    ["id", "backend", "vendor", "platform", "state", "emulated", "model"],
  ),
  Lease: object({ to: text, models: listOf(text), seconds: { type: "number" } }, [
    "to",
    "models",
    "seconds",
  ]),
  Devices: listOf(ref("Device")),
  Gateways: object({
    redis: { type: "string", enum: ["off", "up", "degraded", "down"] },
    listAgeSeconds: { type: "number", minimum: 0 },
    gateways: listOf(object({ id: text, address: text, version: text, since: text, self: flag })),
  }),
  Statistics: object({
    model_stats: listOf(
      object({
        name: text,
        version: text,
        last_inference: count,
        inference_count: count,
        execution_count: count,
        inference_stats: durations(
          ...["success", "fail", "queue", "compute_input", "compute_infer", "compute_output"],
          ...["cache_hit", "cache_miss"],
        ),
        batch_stats: listOf({ type: "object" }),
        memory_usage: listOf({ type: "object" }),
        response_stats: mapOf({ type: "object" }),
      }),
    ),
  }),
  InferRequest: object(
    {
      id: text,
      parameters,
      inputs: listOf(
        object(
          {
            ...tensor,
            data: { type: "array", description: "elements in row-major order, flat or nested" },
            parameters: object({
              binary_data_size: { ...count, description: "the data lies behind the JSON" },
              shared_memory_region: text,
              shared_memory_offset: count,
              shared_memory_byte_size: count,
            }),
          },
          ["name", "datatype", "shape"],
        ),
      ),
      outputs: listOf(
        object(
          {
            name: text,
            parameters: object({
              binary_data: flag,
              classification: count,
              shared_memory_region: text,
              shared_memory_offset: count,
              shared_memory_byte_size: count,
            }),
          },
          ["name"],
        ),
      ),
    },
    ["inputs"],
  ),
  InferResponse: object(
    {
      id: text,
      model_name: text,
      model_version: text,
      parameters,
      outputs: listOf(
        object({
          ...tensor,
          data: { type: "array" },
          parameters: object({ binary_data_size: count }),
        }),
      ),
    },
    ["model_name", "model_version", "outputs"],
  ),
  GenerateRequest: {
    type: "object",
    description: "inputs by name; every other member is a parameter of the request",
  },
  GenerateResponse: {
    type: "object",
    description: "outputs by name, model_name, model_version and id",
  },
  IndexRequest: object({ ready: { ...flag, description: "only what is READY" } }),
  RepositoryIndex: listOf(object({ name: text, version: text, state: text, reason: text })),
  LoadRequest: object({
    parameters: {
      ...mapOf(text),
      description: "config: a ModelConfig as JSON; file:<path>: a file of the model in base64",
    },
  }),
  UnloadRequest: object({ parameters: object({ unload_dependents: flag }) }),
  SharedRegions: listOf(
    object({ name: text, key: text, device_id: count, offset: count, byte_size: count }),
  ),
  RegisterRequest: object({ key: text, offset: count, byte_size: count }),
  TraceSetting: object({
    trace_level: { type: ["array", "null"], items: text },
    ...Object.fromEntries(
      ["trace_rate", "trace_count", "log_frequency", "trace_file", "trace_mode"].map((name) => [
        name,
        { type: ["string", "null"] },
      ]),
    ),
  }),
  LogSettings: object({
    log_file: { type: ["string", "null"] },
    log_info: { type: ["boolean", "null"] },
    log_warning: { type: ["boolean", "null"] },
    log_error: { type: ["boolean", "null"] },
    log_verbose_level: { type: ["integer", "null"], minimum: 0 },
    log_format: { type: ["string", "null"] },
  }),
};
