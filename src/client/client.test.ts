/** The client against a server of grpc-js that does what a test tells it. */
import { join } from "node:path";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterEach, describe, expect, it } from "vitest";
import { packageRoot } from "../package-root.ts";
import { type ClientOptions, InferenceClient, InferenceError, tensor, texts } from "./index.ts";

const definition = loadSync("grpc_service.proto", {
  includeDirs: [join(packageRoot, "proto")],
  oneofs: true,
  longs: String,
})["inference.GRPCInferenceService"] as ServiceDefinition;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function served(calls: UntypedServiceImplementation, options: ClientOptions = {}) {
  const server = new Server();
  server.addService(definition, calls);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const client = new InferenceClient(`127.0.0.1:${port}`, { ownConnection: true, ...options });
  closers.push(
    () => client.close(),
    () => server.forceShutdown(),
  );
  return client;
}

const request = {
  model: "jets",
  id: "7",
  inputs: [tensor("x", "FP32", [1, 2], [1, 2])],
} as const;

// biome-ignore lint/suspicious/noExplicitAny: handlers of grpc-js have no other type
type Any = any;
const refusing = (refusals: readonly object[], asked: Any[]) => ({
  ModelInfer(call: Any, answer: Any) {
    asked.push(call);
    const refusal = refusals[asked.length - 1];
    if (refusal) answer(refusal);
    else answer(null, { modelName: "jets", modelVersion: "1" });
  },
});
const pushback = (ms: string) => {
  const metadata = new Metadata();
  metadata.set("grpc-retry-pushback-ms", ms);
  return metadata;
};

describe("infer", () => {
  it("sends what it is given, and reads what comes back", async () => {
    let asked: Any;
    const client = await served({
      ModelInfer(call: Any, answer: Any) {
        asked = call.request;
        answer(null, {
          modelName: "jets",
          modelVersion: "3",
          id: "7",
          parameters: {
            device: { stringParam: "u50-0" },
            large: { uint64Param: "18446744073709551615" },
            rows: { int64Param: "5" },
          },
          outputs: [
            { name: "y", datatype: "INT64", shape: [2] },
            { name: "label", datatype: "BYTES", shape: [1] },
          ],
          rawOutputContents: [
            Buffer.from(BigInt64Array.of(-1n, 2n ** 62n).buffer),
            Buffer.from("\u0003\0\0\0tau"),
          ],
        });
      },
    });
    const result = await client.infer({
      ...request,
      version: "3",
      outputs: ["y", { name: "label", classification: 1 }],
      sequence: { id: 2n ** 63n, start: true },
      parameters: { beamgate_vendor: "xilinx", scale: 0.5, deep: true },
    });
    expect(asked).toMatchObject({
      modelName: "jets",
      modelVersion: "3",
      id: "7",
      inputs: [{ name: "x", datatype: "FP32", shape: ["1", "2"] }],
      outputs: [{ name: "y" }, { parameters: { classification: { int64Param: "1" } } }],
      rawInputContents: [Buffer.from(Float32Array.of(1, 2).buffer)],
      parameters: {
        sequence_id: { uint64Param: "9223372036854775808" },
        sequence_start: { boolParam: true },
        beamgate_vendor: { stringParam: "xilinx" },
        scale: { doubleParam: 0.5 },
        deep: { boolParam: true },
      },
    });
    expect(result).toMatchObject({ model: "jets", version: "3", id: "7", final: true });
    expect(result.output("y", "INT64").data).toEqual(BigInt64Array.of(-1n, 2n ** 62n));
    expect(texts(result.output("label", "BYTES"))).toEqual(["tau"]);
    expect([...result.parameters]).toEqual([
      ["device", "u50-0"],
      ["large", 2n ** 64n - 1n],
      ["rows", 5],
    ]);
    expect(() => result.output("z", "FP32")).toThrow("jets gave no output z; there are: y, label");
    expect(() => result.output("y", "FP32")).toThrow("output y of jets is INT64, not FP32");
  });

  it("reads typed contents, too, which other servers send", async () => {
    const client = await served({
      ModelInfer: (_: Any, answer: Any) =>
        answer(null, {
          outputs: [
            { name: "y", datatype: "FP32", shape: [2], contents: { fp32Contents: [0.5, 2] } },
            { name: "n", datatype: "INT64", shape: [1], contents: { int64Contents: ["-4"] } },
          ],
        }),
    });
    const result = await client.infer(request);
    expect(result.output("y", "FP32").data).toEqual(Float32Array.of(0.5, 2));
    expect(result.output("n", "INT64").data).toEqual(BigInt64Array.of(-4n));
  });

  it("shows its token, fresh for each attempt, its key and its headers", async () => {
    const asked: Any[] = [];
    let tokens = 0;
    const client = await served(refusing([{ code: status.UNAVAILABLE }], asked), {
      token: async () => `t${++tokens}`,
      apiKey: "k",
      headers: { "x-site": "cern" },
      retry: { firstDelayMs: 1 },
    });
    await client.infer(request, { headers: { "x-run": "1" } });
    const sent = asked.map(({ metadata }) => metadata.getMap());
    expect(sent).toMatchObject([
      { authorization: "Bearer t1", "x-api-key": "k", "x-site": "cern", "x-run": "1" },
      { authorization: "Bearer t2" },
    ]);
  });

  it("gives the server its deadline, and keeps it over all attempts", async () => {
    const deadlines: number[] = [];
    const client = await served({
      ModelInfer(call: Any) {
        deadlines.push(call.getDeadline().valueOf() - Date.now());
      },
    });
    const error = await client.infer(request, { timeoutMs: 2_000 }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(InferenceError);
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", method: "ModelInfer" });
    expect(deadlines).toHaveLength(1);
    expect(deadlines[0]).toBeGreaterThan(100);
    expect(deadlines[0]).toBeLessThanOrEqual(2_000);
  });

  it("ends when the caller gives up, while it is asked and while it waits", async () => {
    const stop = new AbortController();
    const gone = new Promise<void>((resolve) => {
      void served({
        ModelInfer(call: Any) {
          call.on("cancelled", resolve);
          stop.abort();
        },
      }).then((client) =>
        expect(client.infer(request, { signal: stop.signal })).rejects.toMatchObject({
          code: "CANCELLED",
        }),
      );
    });
    await gone;

    const asked: Any[] = [];
    const refusal = { code: status.UNAVAILABLE, metadata: pushback("30000") };
    const client = await served(refusing([refusal], asked));
    const end = new AbortController();
    const waiting = client.infer(request, { signal: end.signal }).catch((thrown) => thrown);
    await expect.poll(() => asked.length).toBe(1);
    setTimeout(() => end.abort(), 100);
    expect(await waiting).toMatchObject({ code: "CANCELLED" });
    expect(asked).toHaveLength(1);
  });
});

describe("a refusal", () => {
  it("is repeated when the server says", async () => {
    const asked: Any[] = [];
    const refusal = { code: status.RESOURCE_EXHAUSTED, metadata: pushback("120") };
    const client = await served(refusing([refusal, refusal], asked));
    const begin = performance.now();
    expect((await client.infer(request)).version).toBe("1");
    expect(asked).toHaveLength(3);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(238);
  });

  it.each([
    ["never is passed on at once", status.RESOURCE_EXHAUSTED, "-1", -1],
    ["after the deadline is passed on at once", status.UNAVAILABLE, "90000", 90_000],
    ["at no number means never", status.UNAVAILABLE, "soon", -1],
  ])("with the word %s", async (_, code, ms, retryMs) => {
    const asked: Any[] = [];
    const refusal = { code, details: "20000 of 20000 rows a second", metadata: pushback(ms) };
    const client = await served(refusing([refusal], asked));
    const error = await client.infer(request).catch((thrown) => thrown);
    expect(error).toMatchObject({ retryMs, attempts: 1, reason: "20000 of 20000 rows a second" });
    expect(asked).toHaveLength(1);
  });

  it("that goes on tells how often it was asked", async () => {
    const asked: Any[] = [];
    const refusal = { code: status.UNAVAILABLE, details: "down" };
    const options = { retry: { attempts: 3, firstDelayMs: 1 } };
    const client = await served(refusing([refusal, refusal, refusal, refusal], asked), options);
    await expect(client.infer(request)).rejects.toThrow(
      "ModelInfer: UNAVAILABLE: down (asked 3 times)",
    );
  });

  it("of a sequence, or where retries are off, is not repeated", async () => {
    const asked: Any[] = [];
    const refusal = { code: status.UNAVAILABLE };
    const inSequence = await served(refusing([refusal], asked));
    await expect(inSequence.infer({ ...request, sequence: { id: 1 } })).rejects.toThrow();
    const once = await served(refusing([refusal, refusal], asked), { retry: false });
    await expect(once.infer(request)).rejects.toThrow();
    expect(asked).toHaveLength(2);
  });
});

describe("credentials", () => {
  it("do not leave the machine unless TLS covers them, or somebody says so", () => {
    expect(() => new InferenceClient("gate.example", { apiKey: "k" })).toThrow(
      "plaintextCredentials",
    );
    for (const options of [{ plaintextCredentials: true }, { tls: {} }]) {
      new InferenceClient("gate.example", { token: "t", ...options }).close();
    }
    new InferenceClient("grpcs://gate.example", { token: "t" }).close();
  });
});

describe("health", () => {
  it("is false where nobody answers, and an error where the caller is not let in", async () => {
    const client = await served({
      ServerLive: (_: Any, answer: Any) => answer(null, { live: true }),
      ServerReady: (_: Any, answer: Any) => answer({ code: status.UNAVAILABLE }),
      ModelReady: (_: Any, answer: Any) => answer({ code: status.UNAUTHENTICATED }),
    });
    expect(await client.serverLive()).toBe(true);
    expect(await client.serverReady()).toBe(false);
    await expect(client.modelReady("jets")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });
});

describe("a stream", () => {
  const echo = {
    ModelStreamInfer(call: Any) {
      call.on("data", (asked: Any) => {
        if (asked.modelName === "broken") call.write({ errorMessage: "no such model" });
        else call.write({ inferResponse: { modelName: asked.modelName, id: asked.id } });
      });
      call.on("end", () => call.end());
    },
  };

  it("gives answers in the order of asking, and goes on after an error", async () => {
    const client = await served(echo);
    const stream = await client.stream();
    const ids: string[] = [];
    const reading = (async () => {
      for await (const { result, error } of stream) ids.push(result?.id ?? error?.reason ?? "");
    })();
    for (const id of ["a", "b"]) await stream.send({ ...request, id });
    await stream.send({ ...request, model: "broken" });
    await stream.send({ ...request, id: "c" });
    stream.end();
    await reading;
    expect(ids).toEqual(["a", "b", "no such model", "c"]);
  });

  it("waits while the server does not read, and ends with the connection", async () => {
    let paused: Any;
    const client = await served({
      ModelStreamInfer(call: Any) {
        paused = call;
        call.pause();
      },
    });
    const stream = await client.stream();
    const large = tensor("x", "FP32", [100_000], new Float32Array(100_000));
    let sent = 0;
    const sending = (async () => {
      for (;;) {
        await stream.send({ ...request, inputs: [large] });
        sent++;
      }
    })().catch((error) => error);
    await expect.poll(() => paused).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(sent).toBeLessThan(30);
    stream.cancel();
    expect(await sending).toMatchObject({ code: "CANCELLED" });
  });

  it("that the server ends with a status ends the loop with it", async () => {
    const client = await served({
      ModelStreamInfer: (call: Any) =>
        call.emit("error", { code: status.UNAUTHENTICATED, details: "who are you" }),
    });
    const stream = await client.stream();
    const read = async () => {
      for await (const answer of stream) expect(answer).toBeUndefined();
    };
    await expect(read()).rejects.toThrow("ModelStreamInfer: UNAUTHENTICATED: who are you");
    await expect(stream.send(request)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  it("is cancelled by whoever leaves the loop", async () => {
    let cancelled = false;
    const client = await served({
      ModelStreamInfer(call: Any) {
        call.on("cancelled", () => {
          cancelled = true;
        });
        call.write({ inferResponse: { id: "1" } });
      },
    });
    for await (const { result } of await client.stream()) {
      expect(result?.id).toBe("1");
      break;
    }
    await expect.poll(() => cancelled).toBe(true);
  });
});
