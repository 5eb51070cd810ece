/** A grpc-js client against our server, and against grpc-js' own as the control of what is expected. */
import { connect } from "node:net";
import {
  compressionAlgorithms,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { StatusError } from "../../src/errors.ts";
import type { SendUnary, UnaryCall } from "../../src/grpc/transport/method.ts";
import type { GrpcServerOptions } from "../../src/grpc/transport/options.ts";
import { joined } from "../../src/grpc/transport/piece-list.ts";
import { GrpcServer } from "../../src/grpc/transport/server.ts";
import { framed, RawClient } from "./raw-client.ts";
import { makeCertificates } from "./transport-certificates.ts";
import {
  collect,
  definition,
  implementation,
  serverOptions,
  TestClient,
  type Witness,
} from "./transport-service.ts";

interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function ours(witness?: Witness, overrides?: Partial<GrpcServerOptions>): Promise<Running> {
  const server = new GrpcServer(serverOptions(overrides));
  server.addService(definition, implementation(witness));
  const { port } = await server.listen();
  return { port, stop: () => server.stop() };
}

async function control(witness?: Witness): Promise<Running> {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(
    definition as unknown as ServiceDefinition,
    implementation(witness) as unknown as UntypedServiceImplementation,
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { port, stop: async () => server.forceShutdown() };
}

function clientOf(port: number, creds = credentials.createInsecure(), options = {}): TestClient {
  const client = new TestClient(port, creds, options);
  closers.push(() => client.close());
  return client;
}

const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 5_000 && !holds(); i++) await new Promise((wake) => setTimeout(wake, 5));
  expect(holds()).toBe(true);
};

describe.each([
  ["our server", ours],
  ["grpc-js' server (control)", control],
])("a grpc-js client and %s", (_name, start) => {
  const witness: Witness = { cancelled: 0, open: 0 };
  let server: Running;
  let client: TestClient;
  beforeAll(async () => {
    server = await start(witness);
    client = new TestClient(server.port);
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  it("gets the answer of a unary call", async () => {
    const { message, error } = await client.unary("Echo", { text: "Hζ", count: 5 });
    expect(error).toBeUndefined();
    expect(message).toEqual({ text: "Hζ", count: 5 });
  });

  it("gets answers of many calls, each its own", async () => {
    const counts = Array.from({ length: 500 }, (_, count) => count);
    const replies = await Promise.all(counts.map((count) => client.unary("Echo", { count })));
    expect(replies.map((reply) => reply.message?.count)).toEqual(counts);
  });

  it("sends and gets a message of many HTTP/2 frames", async () => {
    const text = "0123456789abcdef".repeat(400_000);
    const { message } = await client.unary("Echo", { text });
    expect(message?.text === text).toBe(true);
  });

  it("gets the code, the text and the metadata of an error", async () => {
    const { error } = await client.unary("Fail", { text: "a%b ζ\n'x'" });
    expect(error?.code).toBe(status.FAILED_PRECONDITION);
    expect(error?.details).toBe("a%b ζ\n'x'");
    expect(error?.metadata.get("why")).toEqual(["because"]);
  });

  it("gets UNKNOWN when the handler throws, and the next answer all the same", async () => {
    const { error } = await client.unary("Throw", {});
    expect(error?.code).toBe(status.UNKNOWN);
    expect((await client.unary("Echo", { count: 1 })).message).toEqual({ count: 1 });
  });

  it("gets UNIMPLEMENTED for a method that nobody serves", async () => {
    const { error } = await client.unary("Missing", {});
    expect(error?.code).toBe(status.UNIMPLEMENTED);
    expect(error?.details).toContain("The server does not implement the method");
  });

  it("exchanges metadata, text and binary, before and after the message", async () => {
    const metadata = new Metadata();
    metadata.add("x-echo", "one");
    metadata.add("x-echo-bin", Buffer.from([0, 1, 254, 255]));
    const { message, initial, trailing } = await client.unary("Headers", {}, { metadata });
    expect(message?.text?.split(",")).toEqual(expect.arrayContaining(["x-echo", "x-echo-bin"]));
    expect(message?.text).not.toMatch(/content-type|grpc-accept-encoding|\bte\b|:path/);
    expect(initial?.get("x-initial")).toEqual(["one"]);
    expect(initial?.get("x-initial-bin")).toEqual([Buffer.from([0, 1, 254, 255])]);
    expect(trailing?.get("x-trailing")).toEqual(["last"]);
  });

  it("gets every message of a stream, in order, then OK", async () => {
    const { messages, code } = await collect(client.stream("Count", { count: 1000 }));
    expect(code).toBe(status.OK);
    expect(messages.map(({ count }) => count)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it("gets OK for a stream without messages", async () => {
    expect(await collect(client.stream("Count", { count: 0 }))).toMatchObject({
      messages: [],
      code: 0,
    });
  });

  it("streams to the server and gets one answer", async () => {
    const messages = Array.from({ length: 100 }, (_, count) => ({ count }));
    expect(await client.sum(messages)).toEqual({ count: 4950 });
  });

  it("talks both ways on one stream until it half-closes", async () => {
    const call = client.duplex("Chat");
    const answers = collect(call);
    for (const text of ["a", "b", "c"]) call.write({ text });
    call.end();
    expect(await answers).toMatchObject({
      code: status.OK,
      messages: [{ text: "a!" }, { text: "b!" }, { text: "c!" }],
    });
  });

  it("gets the messages before an error of a stream, then the error", async () => {
    const call = client.duplex("Chat");
    const answers = collect(call);
    call.write({ text: "a" });
    call.write({ text: "fail" });
    expect(await answers).toMatchObject({
      code: status.OUT_OF_RANGE,
      details: "told to",
      messages: [{ text: "a!" }],
    });
  });

  it("gets DEADLINE_EXCEEDED, and the handler learns that nobody waits", async () => {
    const { cancelled } = witness;
    const { error } = await client.unary("Never", {}, { deadline: Date.now() + 500 });
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    await until(() => witness.cancelled === cancelled + 1);
  });

  it("can cancel, and the handler learns it", async () => {
    const { cancelled, open } = witness;
    const { path, requestSerialize, responseDeserialize } = definition.Never;
    const gone = new Promise<number>((resolve) => {
      const call = client.makeUnaryRequest(
        ...([path, requestSerialize, responseDeserialize, {}] as const),
        (error) => resolve(error?.code ?? 0),
      );
      void until(() => witness.open === open + 1).then(() => call.cancel());
    });
    expect(await gone).toBe(status.CANCELLED);
    await until(() => witness.cancelled === cancelled + 1);
  });

  it.each(["gzip", "deflate"] as const)("may compress its requests with %s", async (name) => {
    const compressing = clientOf(server.port, credentials.createInsecure(), {
      "grpc.default_compression_algorithm": compressionAlgorithms[name],
    });
    const text = "higgs ".repeat(50_000);
    expect((await compressing.unary("Echo", { text })).message?.text === text).toBe(true);
    expect((await compressing.unary("Echo", { text: "small" })).message?.text).toBe("small");
    expect(await compressing.sum([{ count: 1 }, { count: 2 }])).toEqual({ count: 3 });
  });
});

describe("our server", () => {
  async function start(overrides?: Partial<GrpcServerOptions>) {
    const server = new GrpcServer(serverOptions(overrides));
    closers.push(() => server.stop());
    return server;
  }

  it.each(["gzip", "deflate"] as const)("compresses answers with %s when told to", async (name) => {
    const server = await start({ responseCompression: name });
    server.addService(definition, implementation());
    const { port } = await server.listen();
    const client = clientOf(port);
    for (const text of ["w", "w".repeat(100_000)]) {
      expect((await client.unary("Echo", { text })).message?.text === text).toBe(true);
    }
    const { messages, code } = await collect(client.stream("Count", { count: 50 }));
    expect({ code, counted: messages.length }).toEqual({ code: 0, counted: 50 });
    expect(messages.at(-1)).toEqual({ count: 49 });

    const raw = new RawClient(port);
    closers.push(() => raw.close());
    const chunks = [framed(JSON.stringify({ text: "w".repeat(10_000) }))];
    const willing = await raw.say({
      chunks,
      headers: { "grpc-accept-encoding": `identity,${name}` },
    });
    expect(willing.headers["grpc-encoding"]).toBe(name);
    expect([willing.grpcStatus, willing.body[0], willing.body.length < 200]).toEqual([0, 1, true]);
    const unwilling = await raw.say({ chunks });
    expect(unwilling.headers["grpc-encoding"]).toBeUndefined();
    expect(unwilling.body.length).toBeGreaterThan(10_000);
  });

  it("hands the bytes of a hot method over and sends those it gets", async () => {
    const server = await start();
    server.addHotUnary(definition.Echo.path, (call, message) => {
      expect(call.receivedAt).toBeGreaterThan(0);
      expect(call.held).toBe(message.byteLength);
      call.sendFramed(Buffer.concat([Buffer.alloc(5), joined(message)]));
    });
    server.addHotUnary(definition.Fail.path, (call) =>
      call.fail(new StatusError("NOT_FOUND", "Request for unknown model: 'x' is not found")),
    );
    server.addHotUnary(definition.Throw.path, () => {
      throw new StatusError("INVALID_ARGUMENT", "thrown");
    });
    const client = clientOf((await server.listen()).port);
    const text = "t".repeat(3_000_000);
    expect((await client.unary("Echo", { text })).message?.text === text).toBe(true);
    const { error } = await client.unary("Fail", {});
    expect(error).toMatchObject({
      code: 5,
      details: "Request for unknown model: 'x' is not found",
    });
    expect((await client.unary("Throw", {})).error).toMatchObject({ code: 3, details: "thrown" });
    await until(() => server.stats().callsInFlight === 0);
    expect(server.stats()).toMatchObject({ heldBytes: 0, pendingBytes: 0, backlogBytes: 0 });
  });

  it("hands the messages of a hot stream over, in order, and ends it when told to", async () => {
    const server = await start();
    const heldAfterRelease: number[] = [];
    server.addHotStream(definition.Chat.path, (stream) => ({
      message(message) {
        stream.send(Buffer.concat([Buffer.alloc(5), joined(message)]));
        stream.release(message.byteLength);
        heldAfterRelease.push(server.stats().heldBytes);
      },
      halfClosed: () => stream.end(),
    }));
    const client = clientOf((await server.listen()).port);
    const call = client.duplex("Chat");
    const answers = collect(call);
    for (let count = 0; count < 500; count++) call.write({ count });
    call.end();
    const { messages, code } = await answers;
    expect(code).toBe(0);
    expect(messages.map(({ count }) => count)).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(new Set(heldAfterRelease)).toEqual(new Set([0]));
  });

  it("holds a client back while its stream is paused, and loses nothing", async () => {
    const server = await start();
    let resume = () => {};
    let taken = 0;
    server.addHotStream(definition.Chat.path, (stream) => ({
      message(message) {
        taken++;
        stream.release(message.byteLength);
        if (taken !== 1) return;
        stream.pause();
        resume = () => stream.resume();
      },
      halfClosed() {
        stream.send(
          Buffer.concat([Buffer.alloc(5), Buffer.from(JSON.stringify({ count: taken }))]),
        );
        stream.end();
      },
    }));
    const client = clientOf((await server.listen()).port);
    const call = client.duplex("Chat");
    const answers = collect(call);
    const text = "t".repeat(100_000);
    for (let count = 0; count < 100; count++) call.write({ text });
    call.end();
    await until(() => server.stats().backlogBytes > 100_000);
    await new Promise((wake) => setTimeout(wake, 50));
    expect(taken).toBe(1);
    // No more than one HTTP/2 window.
    expect(server.stats().backlogBytes).toBeLessThanOrEqual(1024 * 1024);
    resume();
    expect((await answers).messages).toEqual([{ count: 100 }]);
    expect(server.stats().backlogBytes).toBe(0);
  });

  it("tells a hot call once that its client is gone, and never after an answer", async () => {
    const server = await start();
    let told = 0;
    let answered = 0;
    server.addHotUnary(definition.Never.path, (call) => {
      call.onCancel = () => {
        told++;
        expect(call.cancelled).toBe(true);
      };
    });
    server.addHotUnary(definition.Echo.path, (call) => {
      call.onCancel = () => {
        told += 1000;
      };
      answered++;
      call.sendFramed(Buffer.concat([Buffer.alloc(5), Buffer.from("{}")]));
    });
    const client = clientOf((await server.listen()).port);
    await client.unary("Echo", {});
    expect((await client.unary("Never", {}, { deadline: Date.now() + 1_000 })).error?.code).toBe(4);
    await until(() => server.stats().callsInFlight === 0);
    expect({ told, answered }).toEqual({ told: 1, answered: 1 });
  });

  it("answers what is in flight before it has drained, and refuses connections from then on", async () => {
    const server = await start();
    const waiting: SendUnary[] = [];
    server.addService(definition, {
      ...implementation(),
      Echo: (_call: UnaryCall, respond: SendUnary) => void waiting.push(respond),
    });
    const { port } = await server.listen();
    const client = clientOf(port);
    const replies = [1, 2, 3].map((count) => client.unary("Echo", { count }));
    await until(() => waiting.length === 3);
    let drained = false;
    const draining = server.drain().then(() => {
      drained = true;
    });
    const late = await clientOf(port).unary("Echo", {}, { deadline: Date.now() + 500 });
    expect([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]).toContain(late.error?.code);
    expect(drained).toBe(false);
    for (const respond of waiting) respond(null, { text: "in time" });
    expect((await Promise.all(replies)).map((reply) => reply.message?.text)).toEqual([
      "in time",
      "in time",
      "in time",
    ]);
    await draining;
    await until(() => server.stats().connections === 0);
  });

  it("answers what was on its way when nothing was in flight and the clients were asked to leave", async () => {
    const server = await start();
    server.addService(definition, {
      ...implementation(),
      Echo: (_call: UnaryCall, respond: SendUnary) => {
        setTimeout(() => respond(null, { text: "late" }), 300);
      },
    });
    const client = clientOf((await server.listen()).port);
    await client.unary("Echo", {});
    const draining = server.drain();
    // In the same turn: the client has not heard of it.
    const reply = client.unary("Echo", {});
    await draining;
    await server.stop();
    expect((await reply).error).toBeUndefined();
    expect((await reply).message?.text).toBe("late");
  });

  it("waits for a client that does not react to being asked to leave, but not for long", async () => {
    const server = await start();
    const { port } = await server.listen();
    const socket = connect(port, "127.0.0.1");
    closers.push(() => socket.destroy());
    await until(() => server.stats().connections === 1);
    const began = performance.now();
    await server.drain();
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(server.stats().connections).toBe(0);
  });

  it("refuses a taken port with a text that operators know", async () => {
    const first = await start();
    const { port } = await first.listen();
    const second = await start({ port });
    await expect(second.listen()).rejects.toThrow(`127.0.0.1:${port}: Address already in use`);
  });

  it("asks an old connection to leave; the client reconnects and loses nothing", async () => {
    const server = await start({ maxConnectionAgeMs: 100, maxConnectionAgeGraceMs: 5_000 });
    server.addService(definition, implementation());
    const client = clientOf((await server.listen()).port);
    const ends = Date.now() + 700;
    let answered = 0;
    while (Date.now() < ends || answered <= 10) {
      const replies = await Promise.all([1, 2, 3].map((count) => client.unary("Echo", { count })));
      for (const reply of replies) expect(reply.error).toBeUndefined();
      answered += replies.length;
    }
  });
});

const certificates = makeCertificates();
describe.skipIf(!certificates)("our server with TLS", () => {
  if (!certificates) return;
  afterAll(() => certificates.remove());
  const tls = (mutual: boolean) => ({
    certPath: certificates.serverCertPath,
    keyPath: certificates.serverKeyPath,
    rootCertPath: certificates.rootPath,
    mutual,
  });
  const ask = async (mutual: boolean, creds: ReturnType<typeof credentials.createSsl>) => {
    const server = await ours(undefined, { tls: tls(mutual) });
    closers.push(() => server.stop());
    return clientOf(server.port, creds).unary(
      "Echo",
      { count: 1 },
      { deadline: Date.now() + 30_000 },
    );
  };

  it("serves a client that trusts its authority", async () => {
    expect((await ask(false, credentials.createSsl(certificates.root))).message).toEqual({
      count: 1,
    });
  });

  it("does not speak plain text", async () => {
    expect((await ask(false, credentials.createInsecure())).error?.code).toBe(status.UNAVAILABLE);
  });

  it("stops at once, also while a handshake hangs", async () => {
    const server = new GrpcServer(serverOptions({ tls: tls(false) }));
    const { port } = await server.listen();
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    closers.push(() => socket.destroy());
    await new Promise((connected) => socket.once("connect", connected));
    await new Promise((wake) => setTimeout(wake, 20));
    const begin = performance.now();
    await server.stop();
    expect(performance.now() - begin).toBeLessThan(20_000);
  });

  it("with mutual TLS serves a client that has a certificate", async () => {
    const { root, clientKey, clientCert } = certificates;
    const reply = await ask(true, credentials.createSsl(root, clientKey, clientCert));
    expect(reply.message).toEqual({ count: 1 });
  });

  it("with mutual TLS refuses a client without one", async () => {
    const reply = await ask(true, credentials.createSsl(certificates.root));
    expect(reply.error?.code).toBe(status.UNAVAILABLE);
  });
});
