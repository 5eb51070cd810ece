/** Against servers made of answers that protobufjs wrote. */
import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import { join } from "node:path";
import { loadSync } from "@grpc/proto-loader";
import { afterEach, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { remote } from "./backend.ts";

type Answers = Readonly<Record<string, (name: string) => object | undefined>>;

interface Codec {
  readonly requestDeserialize: (bytes: Buffer) => { readonly name?: string };
  readonly responseSerialize: (value: object) => Buffer;
}
const service = loadSync(join(packageRoot, "proto", "grpc_service.proto"), {
  includeDirs: [join(packageRoot, "proto")],
  keepCase: true,
})["inference.GRPCInferenceService"] as unknown as Readonly<Record<string, Codec>>;

const servers: { readonly server: Http2Server; readonly sessions: Set<ServerHttp2Session> }[] = [];
afterEach(async () => {
  for (const { server, sessions } of servers.splice(0)) {
    for (const session of sessions) session.destroy();
    server.close();
    await once(server, "close");
  }
});

/** Methods that are not listed are UNIMPLEMENTED, names without an answer NOT_FOUND. */
async function serving(answers: Answers): Promise<string> {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  servers.push({ server, sessions });
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    const method = String(headers[":path"]).split("/").at(-1) ?? "";
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const codec = service[method] as Codec;
      const { name = "" } = codec.requestDeserialize(Buffer.concat(chunks).subarray(5));
      const answer = answers[method]?.(name);
      if (answer === undefined) {
        const status = answers[method] === undefined ? "12" : "5";
        stream.respond({ ":status": 200, "grpc-status": status }, { endStream: true });
        return;
      }
      const message = Buffer.from(codec.responseSerialize(answer));
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.concat([prefix, message]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

const tensor = { name: "x", data_type: "TYPE_FP32", dims: [4] };
const config = (max_batch_size: number, more: object = {}) => ({
  config: { max_batch_size, input: [tensor], output: [{ ...tensor, name: "y" }], ...more },
});
const triton = (configs: Readonly<Record<string, object>>, states: object = {}): Answers => ({
  RepositoryIndex: () => ({
    models: Object.keys(configs).map((name) => ({ name, version: "1", state: "READY", ...states })),
  }),
  ModelConfig: (name) => configs[name],
});
const spec = (name: string, shape: readonly number[]) => ({ name, datatype: "FP32", shape });

async function discover(options: object) {
  const logged: string[] = [];
  const host = { log: (_: string, message: string) => void logged.push(message) };
  const offer = await remote.discover?.({ discover: true, ...options }, host);
  return { offer, logged };
}

describe("what far servers offer", () => {
  it("is nothing unless it is asked for", async () => {
    const { offer } = await discover({ servers: ["127.0.0.1:1"], discover: false });
    expect(offer).toBeUndefined();
  });

  it("is what is ready there and matches the names, as the configuration has it", async () => {
    const optional = { ...tensor, name: "z", optional: true };
    const address = await serving(
      triton({
        jets: config(8, { input: [tensor, optional] }),
        jet_2: config(0),
        other: config(8),
      }),
    );
    const { offer } = await discover({ servers: [address], models: ["jet*"] });
    expect(offer).toEqual({
      complete: true,
      models: [
        {
          name: "jets",
          maxBatchSize: 8,
          inputs: [spec("x", [4]), { ...spec("z", [4]), optional: true }],
          outputs: [spec("y", [4])],
        },
        { name: "jet_2", maxBatchSize: 0, inputs: [spec("x", [4])], outputs: [spec("y", [4])] },
      ],
    });
    const away = await serving(triton({ jets: config(8) }, { state: "UNAVAILABLE" }));
    expect((await discover({ servers: [away] })).offer?.models).toEqual([]);
  });

  it("takes a name as it is written: a dot is a dot", async () => {
    const address = await serving(triton({ "a.b": config(8), axb: config(8) }));
    const { offer } = await discover({ servers: [address], models: ["a.b"] });
    expect(offer?.models.map(({ name }) => name)).toEqual(["a.b"]);
  });

  it("leaves out, and says so, what cannot be forwarded", async () => {
    const address = await serving(
      triton({
        tokens: config(8, { model_transaction_policy: { decoupled: true } }),
        tracks: config(8, { sequence_batching: {} }),
        broken: { config: { input: [{ name: "x" }] } },
      }),
    );
    const { offer, logged } = await discover({ servers: [address] });
    expect(offer?.models).toEqual([]);
    expect(logged).toEqual([
      expect.stringMatching(/^model 'tokens' of server .*several responses/),
      expect.stringMatching(/^model 'tracks' of server .*sequences/),
      expect.stringMatching(/^model 'broken' of server .*datatype 0/),
    ]);
  });

  it("of a server without Triton's extensions, is what is named, unbatched", async () => {
    const metadata = {
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [-1, 2] }],
    };
    const address = await serving({
      ModelMetadata: (name) => (name === "there" ? metadata : undefined),
    });
    const { offer } = await discover({ servers: [address], models: ["there", "gone", "a*"] });
    const model = { name: "there", maxBatchSize: 0, ...metadata };
    expect(offer).toEqual({ complete: true, models: [model] });
  });

  it("is that of those that answer, and said to be incomplete", async () => {
    const address = await serving(triton({ jets: config(8) }));
    const { offer } = await discover({ servers: ["127.0.0.1:1", address] });
    expect(offer).toMatchObject({ complete: false, models: [{ name: "jets" }] });
  });

  it("is nothing of a server that lists more models than anybody serves", async () => {
    const names = Array.from({ length: 10_001 }, (_, at) => [`m${at}`, config(8)] as const);
    const servers = [await serving(triton(Object.fromEntries(names)))];
    await expect(discover({ servers })).rejects.toThrow(
      /lists 10001 models, of which 10000 are the most: name those that are wanted \(options\.models\)/,
    );
    const { offer } = await discover({ servers, models: ["m77", "m1000*"] });
    expect(offer?.models.map(({ name }) => name)).toEqual(["m77", "m1000", "m10000"]);
  });

  it("is unknown where none answers", async () => {
    const nobody = discover({ servers: ["127.0.0.1:1"] });
    await expect(nobody).rejects.toMatchObject({ fault: "device" });
  });
});
