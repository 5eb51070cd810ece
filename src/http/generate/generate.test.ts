import { afterEach, describe, expect, it } from "vitest";
import { testServerOptions } from "../../../test/support/http-server.ts";
import { StatusError } from "../../errors.ts";
import { encodeBytesTensor } from "../../inference/bytes-tensor.ts";
import type { InferCall, ModelSignature, WireRequest } from "../../inference/request.ts";
import { createHttpServer } from "../inference-server.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const MODEL: ModelSignature = {
  name: "llm",
  version: "1",
  maxBatchSize: 8,
  inputs: [
    { name: "PROMPT", datatype: "BYTES", shape: [1] },
    { name: "CUTS", datatype: "INT32", shape: [-1, 2], optional: true },
  ],
  outputs: [{ name: "TEXT", datatype: "BYTES", shape: [1] }],
  decoupled: true,
  reproducible: false,
};

async function serve(infer: (wire: WireRequest, call: InferCall) => void) {
  const options = testServerOptions();
  const inference = { ...options.inference, infer, signature: () => MODEL };
  const server = createHttpServer({ ...options, inference });
  await server.start();
  ends.push(() => server.stop());
  return (what: "generate" | "generate_stream", body: object, headers = {}) =>
    fetch(`http://127.0.0.1:${server.port}/v2/models/llm/${what}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
}

function say(call: InferCall, text: string, final = false): void {
  const data = encodeBytesTensor([Buffer.from(text)]);
  const outputs = [{ name: "TEXT", datatype: "BYTES" as const, shape: [1, 1], data }];
  call.respond({ model: "llm", version: "1", id: "", outputs }, final);
}

const end = (call: InferCall) =>
  call.respond({ model: "llm", version: "1", id: "", outputs: [] }, true);

const NOT_ONE =
  "generate expects model to produce exactly 1 response, use generate stream for model that generates various number of responses";

describe("generate", () => {
  it("maps members to inputs and parameters, and outputs back to members", async () => {
    let asked: WireRequest | undefined;
    const post = await serve((wire, call) => {
      asked = wire;
      say(call, "hi ⊥");
      end(call);
    });
    const body = { PROMPT: "hello", CUTS: [1, 2, 3, 4], stream: false, parameters: { top: 0.5 } };
    const response = await post("generate", body);
    expect(await response.text()).toBe('{"TEXT":"hi ⊥","model_name":"llm","model_version":"1"}');
    expect(asked?.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["PROMPT", [1, 1]],
      ["CUTS", [1, 2, 2]],
    ]);
    expect(asked?.parameters).toEqual(
      new Map<string, object>([
        ["stream", { type: "bool", value: false }],
        ["top", { type: "double", value: 0.5 }],
      ]),
    );
  });

  it.each([0, 2])("fails a model that gives %d responses", async (count) => {
    const post = await serve((_wire, call) => {
      for (let i = 0; i < count; i++) say(call, "x");
      end(call);
    });
    expect(await (await post("generate", { PROMPT: "x" })).json()).toEqual({ error: NOT_ONE });
  });

  it.each([
    [{ PROMPT: 1 }, 500, /^Unable to parse JSON bytes array: /],
    [
      { CUTS: [1, 2, 3] },
      400,
      /^The schema can not convert input 'CUTS' to tensor with proper shape$/,
    ],
    [{ parameters: 1 }, 500, /^Expected JSON object for keyword: 'parameters': /],
    [
      { parameters: { x: [] } },
      400,
      /^Converting keyword: 'parameters': parameter 'x' has invalid type/,
    ],
  ])("refuses %j", async (body, status, reason) => {
    const post = await serve((_wire, call) => end(call));
    const response = await post("generate", body);
    const { error } = (await response.json()) as { error: string };
    expect([response.status, error]).toEqual([status, expect.stringMatching(reason)]);
  });
});

describe("generate_stream", () => {
  it("sends every response as an event", async () => {
    const post = await serve((_wire, call) => {
      setImmediate(() => {
        for (const text of ["a", "b"]) say(call, text);
        end(call);
      });
    });
    const response = await post("generate_stream", { PROMPT: "x" });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const event = (text: string) =>
      `data: {"TEXT":"${text}","model_name":"llm","model_version":"1"}\n\n`;
    expect(await response.text()).toBe(event("a") + event("b"));
  });

  it("sends an error that comes later as an event, and an early one as an answer", async () => {
    const failed = new StatusError("UNAVAILABLE", "why");
    const later = await serve((_wire, call) => {
      setImmediate(() => {
        say(call, "a");
        call.fail(failed);
      });
    });
    const text = await (await later("generate_stream", { PROMPT: "x" })).text();
    expect(text).toMatch(/\n\ndata: \{"error":"why"\}\n\n$/);
    const early = await serve((_wire, call) => call.fail(failed));
    const response = await early("generate_stream", { PROMPT: "x" });
    expect([response.status, await response.json()]).toEqual([503, { error: "why" }]);
  });
});
