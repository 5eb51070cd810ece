import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Datatype } from "../../../backends/contract.ts";
import { testServerOptions } from "../../../test/support/http-server.ts";
import { StatusError } from "../../errors.ts";
import { ByteBudget } from "../../inference/byte-budget.ts";
import { joinPieces } from "../../inference/pieces.ts";
import type { InferCall, ModelSignature, WireRequest } from "../../inference/request.ts";
import { createHttpServer } from "../inference-server.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const MAX = 1000;
const RAW = { "inference-header-content-length": "0" };

function signature(datatype: Datatype, more: Partial<ModelSignature> = {}): ModelSignature {
  return {
    name: "m",
    version: "3",
    maxBatchSize: 0,
    inputs: [{ name: "IN", datatype, shape: [-1] }],
    outputs: [{ name: "OUT", datatype, shape: [-1] }],
    decoupled: false,
    reproducible: false,
    ...more,
  };
}

/** Sends back what it got, as every output of the request. */
function echo(wire: WireRequest, call: InferCall): void {
  const [input] = wire.inputs;
  const names = wire.outputs.length === 0 ? ["OUT"] : wire.outputs.map(({ name }) => name);
  const data = joinPieces(input?.data ?? { byteLength: 0, pieces: [] });
  const tensor = { datatype: input?.datatype as Datatype, shape: input?.shape ?? [], data };
  const outputs = names.map((name) => ({ name, ...tensor }));
  call.respond({ model: wire.model, version: "3", id: wire.id, outputs }, true);
}

interface Setting {
  readonly datatype?: Datatype;
  readonly model?: Partial<ModelSignature>;
  readonly infer?: (wire: WireRequest, call: InferCall) => void;
  readonly budget?: ByteBudget;
}

async function serve(setting: Setting = {}) {
  const { datatype = "FP32", model, infer = echo, budget = new ByteBudget(2 ** 20) } = setting;
  const asked: WireRequest[] = [];
  const options = testServerOptions();
  const server = createHttpServer({
    ...options,
    maxInputBytes: MAX,
    inference: {
      infer: (wire, call) => {
        asked.push(wire);
        infer(wire, call);
      },
      signature: () => signature(datatype, model),
      load: (format, name, version) => `${format} of ${name}/${version}`,
      budget,
      now: () => 5,
    },
  });
  await server.start();
  ends.push(() => server.stop());
  const url = `http://127.0.0.1:${server.port}/v2/models/m/infer`;
  const post = (body: unknown, headers: Record<string, string> = {}, path = url) =>
    fetch(path, {
      method: "POST",
      headers,
      body: body instanceof Uint8Array ? body : typeof body === "string" ? body : jsonOf(body),
    });
  return { asked, budget, post, url, port: server.port };
}

/** Like JSON.stringify, for what JSON has no words for. */
function jsonOf(body: unknown): string {
  return JSON.stringify(body).replace(/"@(.*?)@"/g, "$1");
}

const input = (data: unknown, shape: readonly unknown[], datatype = "FP32") => ({
  inputs: [{ name: "IN", datatype, shape, data }],
});

async function refusal(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { error: string }).error];
}

describe("an infer request in JSON", () => {
  it("is answered in JSON, as Triton writes it", async () => {
    const { post } = await serve();
    const response = await post({ id: "a ü", ...input([1, 0.5, "@-0.0@", "@NaN@"], [4]) });
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      "application/json",
    ]);
    expect(await response.text()).toBe(
      '{"id":"a ü","model_name":"m","model_version":"3","outputs":[{"name":"OUT","datatype":"FP32","shape":[4],"data":[1.0,0.5,-0.0,NaN]}]}',
    );
  });

  it.each([
    ["INT64", "[-9223372036854775808,9007199254740993,1]"],
    ["UINT64", "[18446744073709551615,0,7]"],
    ["BOOL", "[true,false,true]"],
    ["INT8", "[-128,127,0]"],
    ["BYTES", '["","quote \\"","é ⊥"]'],
  ] as const)("keeps every element of %s", async (datatype, elements) => {
    const { post } = await serve({ datatype });
    const text = `{"inputs":[{"name":"IN","datatype":"${datatype}","shape":[3],"data":${elements}}]}`;
    expect(await (await post(text)).text()).toContain(`"data":${elements}`);
  });

  it("may be nested, and names version, outputs and parameters", async () => {
    const { post, url, asked } = await serve();
    const request = {
      ...input([[1], [2]], [2, 1]),
      parameters: { sequence_id: "@18446744073709551615@", sequence_end: true, cut: 0.5, run: 3 },
      outputs: [{ name: "OUT", parameters: { classification: 2, binary_data: false } }],
    };
    await post(request, {}, url.replace("/infer", "/versions/3/infer"));
    const [wire] = asked;
    expect(wire).toMatchObject({ model: "m", version: "3" });
    expect(wire?.parameters).toEqual(
      new Map<string, object>([
        ["sequence_id", { type: "int64", value: -1n }],
        ["sequence_end", { type: "bool", value: true }],
        ["cut", { type: "double", value: 0.5 }],
        ["run", { type: "int64", value: 3 }],
      ]),
    );
    expect(wire?.outputs[0]?.parameters).toEqual(
      new Map([["classification", { type: "int64", value: 2 }]]),
    );
  });

  it.each([
    ["cut short", "{", 500, /^failed to parse the request JSON buffer: /],
    [
      "without inputs",
      "{}",
      500,
      /^Unable to parse 'inputs': attempt to access non-existing object member 'inputs'$/,
    ],
    ["an input without data", { inputs: [{}] }, 400, /But no field is set$/],
    [
      "two kinds of data",
      { inputs: [{ data: [], parameters: { binary_data_size: 1 } }] },
      400,
      /But set 'data' 'binary_data_size'$/,
    ],
    [
      "too few elements",
      input([1], [2]),
      500,
      /^Unable to parse 'data': Shape does not match true shape of 'data' field$/,
    ],
    [
      "too many elements",
      input([1, 2, 3], [2]),
      500,
      /^Unable to parse 'data': Shape does not match true shape of 'data' field$/,
    ],
    [
      "a text as a number",
      input(["1"], [1]),
      500,
      /^Unable to parse 'data': attempt to access JSON non-number as double$/,
    ],
    [
      "a negative axis",
      input([1], [-1]),
      500,
      /^Unable to parse 'shape': attempt to access JSON non-unsigned-integer/,
    ],
    [
      "a huge shape",
      input([1], ["@99999999999@", "@99999999999@"]),
      400,
      /causes total element count to exceed maximum size of 9223372036854775807$/,
    ],
    [
      "a shape beyond the limit",
      input([1], [251]),
      400,
      /^JSON input 'IN' has a byte_size \(1004 bytes\) that exceeds the maximum allowed value of 1000 bytes\. Use --http-max-input-size/,
    ],
    [
      "FP16",
      input([1], [1], "FP16"),
      400,
      /^receiving FP16 data via JSON is not supported\. Please use the binary data format for input IN$/,
    ],
    ["an unknown datatype", input([1], [1], "FP8"), 400, /^invalid datatype for input IN$/],
    ["an id that is no text", { id: 1, inputs: [] }, 500, /^Unable to parse 'id': /],
    [
      "a reserved parameter",
      { parameters: { triton_x: 1 }, inputs: [] },
      400,
      /are reserved for Triton usage and should not be specified\.$/,
    ],
    [
      "a parameter that is a list",
      { parameters: { x: [] }, inputs: [] },
      400,
      /^parameter 'x' has invalid type/,
    ],
    [
      "a negative priority",
      { parameters: { priority: -1 }, inputs: [] },
      500,
      /^Unable to parse 'priority': /,
    ],
  ])("is refused: %s", async (_case, body, status, reason) => {
    const { post, budget } = await serve();
    expect(await refusal(await post(body))).toEqual([status, expect.stringMatching(reason)]);
    expect(budget.usedBytes).toBe(0);
  });
});

describe("raw tensors behind the JSON", () => {
  const header = (size: number, output = { binary_data: true }) =>
    JSON.stringify({
      inputs: [
        { name: "IN", datatype: "FP32", shape: [2], parameters: { binary_data_size: size } },
      ],
      outputs: [{ name: "OUT", parameters: output }],
    });
  const mixed = (json: string, tensor: Uint8Array) =>
    [
      Buffer.concat([Buffer.from(json), tensor]),
      { "inference-header-content-length": String(json.length) },
    ] as const;
  const tensor = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);

  it("come back the same way", async () => {
    const { post } = await serve();
    const response = await post(...mixed(header(8), tensor));
    const body = Buffer.from(await response.arrayBuffer());
    const length = Number(response.headers.get("inference-header-content-length"));
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(JSON.parse(body.toString("utf8", 0, length)).outputs).toEqual([
      { name: "OUT", datatype: "FP32", shape: [2], parameters: { binary_data_size: 8 } },
    ]);
    expect([...body.subarray(length)]).toEqual([...tensor]);
  });

  it("may be larger than the limit for JSON", async () => {
    const { post } = await serve();
    const response = await post(...mixed(header(8000), new Uint8Array(8000)));
    expect(response.status).toBe(200);
  });

  it.each([
    [7, "unexpected additional input data for model 'm'"],
    [10, "unexpected size for input 'IN', expecting 2 additional bytes for model 'm'"],
  ])("are refused where they are not %d bytes", async (size, reason) => {
    const { post } = await serve();
    expect(await refusal(await post(...mixed(header(size), tensor)))).toEqual([400, reason]);
  });
});

describe("a raw request", () => {
  it("is the only input, its shape deduced", async () => {
    const { post, asked } = await serve({ model: { maxBatchSize: 4 } });
    expect((await post(new Uint8Array(12), RAW)).status).toBe(200);
    expect(asked[0]?.inputs[0]).toMatchObject({ name: "IN", datatype: "FP32", shape: [1, 3] });
  });

  it("is one string where the model takes one", async () => {
    const inputs = [{ name: "IN", datatype: "BYTES" as const, shape: [1] }];
    const { post, asked } = await serve({ datatype: "BYTES", model: { inputs } });
    await post("427", RAW);
    const data = asked[0]?.inputs[0]?.data;
    expect(data && Buffer.from(joinPieces(data)).toString("latin1")).toBe("\x03\0\0\x00427");
  });

  it("is refused where it can't be deduced", async () => {
    const inputs = [{ name: "IN", datatype: "FP32" as const, shape: [-1, -1] }];
    const { post } = await serve({ model: { inputs } });
    expect(await refusal(await post("1234", RAW))).toEqual([
      400,
      "[request id: <id_unknown>] The shape of the raw input 'IN' can not be deduced because there are more than one variable-sized dimension",
    ]);
  });
});

describe("compression", () => {
  it("goes both ways", async () => {
    const { post } = await serve();
    const body = gzipSync(JSON.stringify(input([1], [1])));
    const headers = { "content-encoding": "gzip", "accept-encoding": "deflate;q=0.5, gzip" };
    const response = await post(body, headers);
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(await response.json()).toMatchObject({ model_name: "m" });
  });

  it.each([
    [
      "a bomb",
      gzipSync(Buffer.alloc(2 ** 18)),
      "gzip",
      400,
      /^Decompressed data size exceeds the maximum allowed value of 1000 bytes/,
    ],
    ["no gzip at all", Buffer.from("{}"), "gzip", 400, /not valid gzip data/],
    ["an unknown encoding", Buffer.from("{}"), "br", 501, /^Unsupported compression type$/],
  ])("refuses %s", async (_case, body, encoding, status, reason) => {
    const { post, budget } = await serve();
    const response = await post(body, { "content-encoding": encoding });
    expect(await refusal(response)).toEqual([status, expect.stringMatching(reason)]);
    expect(budget.usedBytes).toBe(0);
  });
});

describe("limits", () => {
  it("refuses a body beyond them without reading it, and goes on with the connection", async () => {
    const { post, budget } = await serve();
    expect(await refusal(await post(" ".repeat(MAX + 1)))).toEqual([
      400,
      `request JSON size of ${MAX + 1} bytes exceeds the maximum allowed input size of ${MAX} bytes. Use --http-max-input-size to increase the limit.`,
    ]);
    expect((await refusal(await post(new Uint8Array(MAX + 1), RAW)))[1]).toMatch(
      /^Raw input has a byte_size/,
    );
    expect(budget.usedBytes).toBe(0);
  });

  it("makes a body wait while others have the room", async () => {
    const budget = new ByteBudget(800);
    const { post } = await serve({ budget });
    expect(budget.tryAcquire(700)).toBe(true);
    const waiting = post(input([1], [1]), { "x-pad": "y" });
    await vi.waitFor(() => expect(budget.waiting).toBe(0), 50).catch(() => undefined);
    budget.release(700);
    expect((await waiting).status).toBe(200);
    expect(budget.usedBytes).toBe(0);
  });
});

describe("a client that hangs up", () => {
  it("cancels its request and gives its room back", async () => {
    let taken: InferCall | undefined;
    const { port, budget } = await serve({
      infer: (_wire, call) => {
        taken = call;
      },
    });
    const socket = connect(port, "127.0.0.1");
    const body = JSON.stringify(input([1], [1]));
    socket.write(
      `POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await vi.waitFor(() => expect(taken).toBeDefined(), { timeout: 20_000 });
    const cancelled = vi.fn();
    if (taken) taken.onCancel = cancelled;
    expect(budget.usedBytes).toBe(body.length);
    socket.destroy();
    await vi.waitFor(() => expect(cancelled).toHaveBeenCalledOnce(), { timeout: 20_000 });
    expect([taken?.cancelled, budget.usedBytes]).toEqual([true, 0]);
    taken?.fail(new StatusError("INTERNAL", "too late"));
  });
});

describe("a model and its errors", () => {
  it("a decoupled one takes no infer", async () => {
    const { post } = await serve({ model: { decoupled: true } });
    expect(await refusal(await post("{}"))).toEqual([
      501,
      "HTTP end point doesn't support models with decoupled transaction policy",
    ]);
  });

  it.each([
    ["UNAVAILABLE", 503],
    ["INTERNAL", 500],
    ["DEADLINE_EXCEEDED", 400],
  ] as const)("%s is %d", async (code, status) => {
    const { post } = await serve({
      infer: (_wire, call) => call.fail(new StatusError(code, "why")),
    });
    expect(await refusal(await post(input([1], [1])))).toEqual([status, "why"]);
  });

  it("requests written one behind the other are answered in their order", async () => {
    const { port } = await serve();
    const one = (value: number) => {
      const body = JSON.stringify(input([value], [1]));
      return `POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.write(one(1) + one(2) + one(3));
    await vi.waitFor(() => expect(text.match(/"data":\[\d/g)).toHaveLength(3), { timeout: 20_000 });
    expect([...text.matchAll(/"data":\[(\d)/g)].map(([, value]) => value)).toEqual(["1", "2", "3"]);
    socket.destroy();
  });
});

describe("the load of the gateway", () => {
  // A compressed answer is Node's and Fastify's, a plain one the direct lane's.
  it.each(["identity", "gzip"])(
    "is told with an answer that is %s, to who asks",
    async (encoding) => {
      const { post } = await serve({ datatype: "UINT8" });
      const headers = { ...RAW, "accept-encoding": encoding };
      const asked = await post(Buffer.from("ab"), {
        ...headers,
        "endpoint-load-metrics-format": "json",
      });
      expect(asked.headers.get("endpoint-load-metrics")).toBe("json of m/3");
      await asked.arrayBuffer();
      const other = await post(Buffer.from("ab"), headers);
      expect(other.headers.has("endpoint-load-metrics")).toBe(false);
      await other.arrayBuffer();
    },
  );
});
