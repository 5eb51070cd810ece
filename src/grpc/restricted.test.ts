import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import type { RestrictedGroup } from "../inference/restriction.ts";
import { silent } from "../logger.ts";
import { pathsOf, restrict } from "./restricted.ts";
import { loadInferenceDefinition, SERVICE_NAME } from "./rpc/definition.ts";
import { DEFAULT_KEEPALIVE } from "./transport/options.ts";
import { GrpcServer } from "./transport/server.ts";

const GROUPS: RestrictedGroup[] = [
  "health",
  "metadata",
  "inference",
  "shared-memory",
  "model-config",
  "model-repository",
  "statistics",
  "trace",
  "logging",
];

describe("the groups of RPCs", () => {
  it("hold every RPC of the service once, and health also the standard health service", () => {
    const held = GROUPS.flatMap((group) => pathsOf(group));
    const { service } = loadInferenceDefinition();
    const rpcs = Object.values(service).map(({ path }) => path);
    const health = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];
    expect(held.toSorted()).toEqual([...rpcs, ...health].toSorted());
  });
});

describe("a restricted group", () => {
  let server: GrpcServer;
  let client: Client;
  let handled = 0;
  beforeAll(async () => {
    server = new GrpcServer({
      address: "127.0.0.1",
      port: 0,
      maxMessageBytes: 100,
      receiveBudgetBytes: 2 ** 22,
      responseCompression: "none",
      keepalive: DEFAULT_KEEPALIVE,
      maxConnectionAgeMs: 0,
      maxConnectionAgeGraceMs: 0,
      maxConcurrentStreams: 100,
      clock: systemClock,
      log: silent,
    });
    server.addHotUnary(`/${SERVICE_NAME}/ModelInfer`, (call) => {
      handled++;
      call.sendFramed(Buffer.alloc(5));
    });
    server.addHotStream(`/${SERVICE_NAME}/ModelStreamInfer`, (stream) => {
      handled++;
      return { message() {}, halfClosed: () => stream.end() };
    });
    server.addHotUnary(`/${SERVICE_NAME}/ServerLive`, (call) => call.sendFramed(Buffer.alloc(5)));
    restrict(server, new Map([["inference", { name: "triton-grpc-protocol-k", value: "s3cret" }]]));
    const { port } = await server.listen();
    client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  const asIs = (bytes: Buffer) => bytes;
  function metadataOf(headers: Record<string, string>): Metadata {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return metadata;
  }
  function ask(rpc: string, headers: Record<string, string>, bytes = Buffer.alloc(10)) {
    return new Promise<void>((resolve, reject) => {
      const path = `/${SERVICE_NAME}/${rpc}`;
      client.makeUnaryRequest(path, asIs, asIs, bytes, metadataOf(headers), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }
  function stream(headers: Record<string, string>) {
    return new Promise<number>((resolve) => {
      const path = `/${SERVICE_NAME}/ModelStreamInfer`;
      const call = client.makeBidiStreamRequest(path, asIs, asIs, metadataOf(headers));
      call.on("data", () => {});
      call.on("error", (error: ServiceError) => resolve(error.code));
      call.on("end", () => resolve(0));
      call.end();
    });
  }
  const right = { "triton-grpc-protocol-k": "s3cret" };
  const refusal = {
    code: 14,
    details: "This protocol is restricted, expecting header 'triton-grpc-protocol-k'",
  };

  it("answers calls with the header, unary and streams", async () => {
    await ask("ModelInfer", right);
    expect(await stream(right)).toBe(0);
    expect(handled).toBe(2);
  });

  it.each([
    ["no header", {}],
    ["a wrong value", { "triton-grpc-protocol-k": "s3creT" }],
    ["the beginning of the value", { "triton-grpc-protocol-k": "s3" }],
    ["nothing in it", { "triton-grpc-protocol-k": "" }],
    ["another header", { k: "s3cret" }],
  ])(
    "refuses a call with %s, in Triton's words, and no handler sees it",
    async (_what, headers) => {
      const before = handled;
      await expect(ask("ModelInfer", headers as Record<string, string>)).rejects.toMatchObject(
        refusal,
      );
      expect(await stream(headers as Record<string, string>)).toBe(14);
      expect(handled).toBe(before);
    },
  );

  it("refuses before the message is looked at", async () => {
    await expect(ask("ModelInfer", {}, Buffer.alloc(1000))).rejects.toMatchObject(refusal);
    await expect(ask("ModelInfer", right, Buffer.alloc(1000))).rejects.toMatchObject({ code: 8 });
  });

  it("leaves the other groups alone", async () => {
    await ask("ServerLive", {});
  });
});
