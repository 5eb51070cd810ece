/** A stream that outlasts what opened it: a token, and a key. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { TestIssuer } from "../support/identity/issuer.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";
import { encodeQuestion } from "../support/infer-messages.ts";
import { echoConfig } from "../support/model-repository.ts";
import { eventually } from "../support/process-tree.ts";

const STREAM_INFER = "/inference.GRPCInferenceService/ModelStreamInfer";
/** First byte of a ModelStreamInferResponse without an error: its field 2. */
const INFER_RESPONSE = 0x12;
const HOUR_MS = 3_600_000;
const LIMIT_MS = 180_000;
const folder = temporaryFolder();
const inFolder = (name: string) => join(folder.path, name);
const [kept, withdrawn] = [newApiKey(), newApiKey()];
let issuer: TestIssuer;
let served: TenantsGateway;
let client: Client;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  issuer = await TestIssuer.create("https://issuer.example/", { one: "ES256" });
  writeFileSync(inFolder("cms.jwks"), await issuer.jwks());
  writeFileSync(inFolder("batch.keys"), `${kept.line}\n${withdrawn.line}\n`);
  const url = `url: "${issuer.url}", profile: wlcg, jwksFile: cms.jwks, audiences: [gate]`;
  const rules = `
tenants: { cms: {} }
issuers: { cms: { ${url} } }
identities:
  - { issuer: cms, group: /cms, tenant: cms, roles: [infer] }
  - { key: batch, keyFile: batch.keys, tenant: cms, roles: [infer] }
`;
  writeFileSync(inFolder("tenants.yaml"), rules);
  const slow = inFolder("models/slow");
  mkdirSync(join(slow, "1"), { recursive: true });
  const config = echoConfig({ name: "slow", maxBatchSize: 0, dims: [2], delayMs: 100 });
  writeFileSync(join(slow, "config.pbtxt"), config);
  served = await startTenantsGateway(folder.path, "{}");
  client = new Client(`127.0.0.1:${served.grpcPort}`, credentials.createInsecure());
}, LIMIT_MS);
afterAll(async () => {
  client?.close();
  vi.useRealTimers();
  await served?.stop();
  folder.remove();
});

interface OpenStream {
  ask(times: number): void;
  /** Without an error. */
  readonly answered: number;
  /** undefined: it is open. */
  readonly ended: string | undefined;
  cancel(): void;
}

/** All of one connection. */
function open(headers: Readonly<Record<string, string>>): OpenStream {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const same = (bytes: Buffer) => bytes;
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    ...[STREAM_INFER, same, same, metadata],
  );
  const data = new Uint8Array(8);
  const inputs = [{ name: "INPUT0", datatype: "FP32", shape: [2], data }];
  const question = encodeQuestion({ model: "slow", inputs });
  const stream = {
    ask(times: number) {
      for (let time = 0; time < times; time += 1) call.write(question);
    },
    answered: 0,
    ended: undefined as string | undefined,
    cancel: () => call.cancel(),
  };
  call.on("data", (answer: Buffer) => {
    if (answer[0] === INFER_RESPONSE) stream.answered += 1;
  });
  call.on("error", () => {});
  call.on("status", ({ code, details }) => {
    stream.ended = `${code} ${details}`;
  });
  return stream;
}

const answers = (stream: OpenStream, count: number) =>
  expect.poll(() => stream.answered, { timeout: LIMIT_MS }).toBeGreaterThanOrEqual(count);
const ends = (stream: OpenStream) =>
  expect.poll(() => stream.ended, { timeout: LIMIT_MS }).toBeDefined();

async function byToken(lifeMs: number): Promise<OpenStream> {
  const nowS = Math.floor(Date.now() / 1000);
  const claims = { aud: "gate", exp: nowS + lifeMs / 1000 };
  return open({ authorization: `Bearer ${await issuer.token(nowS, { claims })}` });
}

describe("a stream whose token expires", { timeout: LIMIT_MS }, () => {
  it("is answered what it has asked and then told so; the others of its connection go on", async () => {
    const [short, long] = [await byToken(HOUR_MS), await byToken(3 * HOUR_MS)];
    short.ask(1);
    long.ask(1);
    await Promise.all([answers(short, 1), answers(long, 1)]);
    short.ask(10);
    await answers(short, 2);
    vi.setSystemTime(Date.now() + HOUR_MS + 61_000);
    await ends(short);
    expect(short.ended).toMatch(/^16 .*it has expired/);
    expect(short.answered).toBe(11);

    long.ask(1);
    await answers(long, 2);
    expect(long.ended).toBeUndefined();
    long.cancel();
  });
});

describe("a stream whose key is taken out of its file", { timeout: LIMIT_MS }, () => {
  it("is ended likewise; one by the other key of the file goes on", async () => {
    const streams = [kept, withdrawn].map(({ key }) => open({ "x-api-key": key }));
    const [goesOn, ending] = streams as [OpenStream, OpenStream];
    for (const stream of streams) stream.ask(1);
    await Promise.all(streams.map((stream) => answers(stream, 1)));
    writeFileSync(inFolder("batch.keys"), `${kept.line}\n`);
    await served.gateway.reload?.();
    await ends(ending);
    expect(ending.ended).toMatch(/^16 .*none of this gateway/);
    goesOn.ask(1);
    await answers(goesOn, 2);
    expect(goesOn.ended).toBeUndefined();
    goesOn.cancel();
  });
});

describe("a stream whose tenants file cannot be read any more", { timeout: LIMIT_MS }, () => {
  it("goes on by what was read before", async () => {
    const stream = open({ "x-api-key": kept.key });
    stream.ask(1);
    await answers(stream, 1);
    writeFileSync(inFolder("tenants.yaml"), "tenants: [");
    await served.gateway.reload?.();
    // Longer than between two looks at who is still welcome.
    await eventually(() => stream.ended !== undefined, 2_500);
    stream.ask(1);
    await answers(stream, 2);
    expect(stream.ended).toBeUndefined();
    stream.cancel();
  });
});
