/** What answers of a whole gateway tell of where they come from, and what can be asked about them afterwards. */
import { Client, credentials, type StatusObject } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Explanation } from "../../src/telemetry/explain/describe.ts";
import { ADDING_CONFIG, addingGraph, anArtifact, rowOf } from "../support/fake-catalog.ts";
import { decodeAnswer, encodeQuestion, type InferAnswer } from "../support/infer-messages.ts";
import { type RegistryGateway, startRegistryGateway } from "../support/registry-gateway.ts";

const LIMIT_MS = 180_000;
let gateway: RegistryGateway;
let digest = "";
beforeAll(async () => {
  gateway = await startRegistryGateway((catalog) => {
    digest = catalog.put(addingGraph(1));
    catalog.set("jets", "1", { config: ADDING_CONFIG, artifacts: [anArtifact({ digest })] });
    catalog.alias("jets", "production", { version: "1" });
  });
}, LIMIT_MS);
afterAll(() => gateway?.stop());

const inputs = [{ name: "x", datatype: "FP32", shape: [1, 2], data: rowOf(1) }];

/** An answer over gRPC, and the trailers behind it. */
function ask(id: string): Promise<{ readonly answer: InferAnswer; readonly origin: string }> {
  const client = new Client(`127.0.0.1:${gateway.grpcPort}`, credentials.createInsecure());
  const question = encodeQuestion({ model: "jets", version: "", id, inputs });
  const bytes = (buffer: Buffer) => buffer;
  return new Promise((resolve, reject) => {
    let answer: InferAnswer | undefined;
    const path = "/inference.GRPCInferenceService/ModelInfer";
    const call = client.makeUnaryRequest(path, bytes, decodeAnswer, question, (error, its) => {
      if (error) reject(error);
      answer = its;
    });
    call.on("status", ({ metadata }: StatusObject) => {
      client.close();
      if (answer) resolve({ answer, origin: String(metadata.get("beamgate-origin")[0]) });
    });
  });
}

async function askOverHttp(id: string, name = "jets") {
  const response = await fetch(`http://127.0.0.1:${gateway.httpPort}/v2/models/${name}/infer`, {
    method: "POST",
    body: JSON.stringify({
      id,
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: [1, -1] }],
    }),
  });
  const { parameters } = (await response.json()) as { parameters?: Record<string, unknown> };
  return { parameters, origin: response.headers.get("beamgate-origin") };
}

async function explained(id: string) {
  const response = await fetch(`http://127.0.0.1:${gateway.httpPort}/v2/beamgate/explain/${id}`);
  return { status: response.status, told: (await response.json()) as Explanation };
}

describe("an answer", { timeout: LIMIT_MS }, () => {
  it("tells its artifact, its device and its batch, as parameters and in one trailer", async () => {
    const { answer, origin } = await ask("a");
    expect(answer.texts.get("beamgate_artifact")).toBe(digest);
    expect(Object.fromEntries(answer.texts)).toMatchObject({
      beamgate_variant: "cpu",
      beamgate_vendor: "cpu",
      beamgate_class: "float32",
    });
    expect(origin).toMatch(
      new RegExp(
        `^variant=cpu; class=float32; vendor=cpu; device=\\S+; emulated=false; artifact=${digest}; ` +
          "generation=1; batch_size=1; queue_us=\\d+$",
      ),
    );
  });

  it("tells the same over HTTP, in a header", async () => {
    const { parameters, origin } = await askOverHttp("b");
    expect(parameters).toMatchObject({
      beamgate_artifact: digest,
      beamgate_emulated: false,
      beamgate_generation: 1,
      beamgate_batch_size: 1,
      beamgate_queue_us: expect.any(Number),
    });
    expect(origin).toContain(`artifact=${digest}; generation=1; batch_size=1; queue_us=`);
  });
});

describe("a request that was answered", { timeout: LIMIT_MS }, () => {
  it("can be asked about by its id", async () => {
    await ask("asked");
    const { status, told } = await explained("asked");
    expect(status).toBe(200);
    expect(told).toMatchObject({
      id: "asked",
      model: "jets",
      outcome: "answered",
      origin: { beamgate_artifact: digest },
      batches: [{ rows: 1, requests: 1, closed: "the device was free and nobody else waited" }],
      notes: [],
    });
    const { queuedUs = -1, dispatchedUs = -1, answeredUs = -1 } = told.timeline;
    expect([0, queuedUs, dispatchedUs, answeredUs]).toEqual(
      [answeredUs, dispatchedUs, queuedUs, 0].sort((a, b) => a - b),
    );
  });

  it("and one that was refused, with the reason", async () => {
    await askOverHttp("refused");
    const wrong = encodeQuestion({ model: "jets", version: "", id: "refused", inputs: [] });
    const client = new Client(`127.0.0.1:${gateway.grpcPort}`, credentials.createInsecure());
    await new Promise((resolve) => {
      const path = "/inference.GRPCInferenceService/ModelInfer";
      client.makeUnaryRequest(path, (bytes: Buffer) => bytes, decodeAnswer, wrong, resolve);
    });
    client.close();
    const { told } = await explained("refused");
    expect(told).toMatchObject({ outcome: "failed", batches: [] });
    expect(told.failure).toMatch(/^INVALID_ARGUMENT: .*expected 1 inputs but got 0/);
  });

  it("but not without an id of its own", async () => {
    await ask("");
    expect((await explained("nobody")).status).toBe(404);
  });
});
