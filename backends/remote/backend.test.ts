/** Against a gateway of ours in a process of its own, as a far server. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { startGateway } from "../../test/support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../../test/support/model-repository.ts";
import { backendConformance } from "../conformance.ts";
import type {
  Backend,
  Datatype,
  Execution,
  ModelVariant,
  Tensor,
  TensorSpec,
} from "../contract.ts";
import { remote } from "./backend.ts";

const tensorText = (name: string, type: string, dims: string) =>
  `{ name: "${name}" data_type: TYPE_${type} dims: [ ${dims} ] }`;
const repository = temporaryRepository();
repository.add(
  "pairs",
  `backend: "echo"
   max_batch_size: 8
   input [ ${tensorText("A", "FP32", "2")}, ${tensorText("B", "INT64", "1")} ]
   output [ ${tensorText("C", "FP32", "2")}, ${tensorText("D", "INT64", "1")} ]`,
);
repository.add("flat", echoConfig({ name: "flat", maxBatchSize: 0, dims: [-1] }));
repository.add(
  "texts",
  echoConfig({ name: "texts", maxBatchSize: 8, dims: [1], datatype: "STRING" }),
);
repository.add(
  "streaming",
  echoConfig({
    name: "streaming",
    maxBatchSize: 8,
    dims: [1],
    more: "model_transaction_policy { decoupled: true }",
  }),
);
const far = await startGateway({ repositories: [repository.folder] });
const options = { servers: [`127.0.0.1:${far.grpcPort}`] };
const folder = mkdtempSync(join(tmpdir(), "beamgate-remote-"));
afterAll(async () => {
  await far.stop();
  repository.remove();
  rmSync(folder, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const artifact = { digest: "", path: folder, format: "remote", platform: "any" };

const spec = (name: string, datatype: Datatype, shape: readonly number[]): TensorSpec => ({
  name,
  datatype,
  shape,
});

function variant(
  of: Partial<ModelVariant> & Pick<ModelVariant, "inputs" | "outputs">,
): ModelVariant {
  return { model: "near", version: "1", maxBatchSize: 8, artifact, ...of };
}

function tensor(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  values: Float32Array | BigInt64Array,
): Tensor {
  return { name, datatype, shape, data: new Uint8Array(values.buffer) };
}

const floats = (name: string, shape: readonly number[], ...values: number[]) =>
  tensor(name, "FP32", shape, Float32Array.from(values));
const integers = (name: string, shape: readonly number[], ...values: bigint[]) =>
  tensor(name, "INT64", shape, BigInt64Array.from(values));

const pairs = variant({
  parameters: { remote_model: "pairs", remote_version: "1" },
  inputs: [spec("A", "FP32", [2]), spec("B", "INT64", [1])],
  outputs: [spec("C", "FP32", [2]), spec("D", "INT64", [1])],
});
const flat = variant({
  maxBatchSize: 0,
  parameters: { remote_model: "flat" },
  inputs: [spec("INPUT0", "FP32", [-1])],
  outputs: [spec("OUTPUT0", "FP32", [-1])],
});
const texts = variant({
  parameters: { remote_model: "texts" },
  inputs: [spec("INPUT0", "BYTES", [1])],
  outputs: [spec("OUTPUT0", "BYTES", [1])],
});
const text = (name: string): Tensor => ({
  name,
  datatype: "BYTES",
  shape: [2, 1],
  data: Uint8Array.from([2, 0, 0, 0, 104, 105, 0, 0, 0, 0]),
});

const opened: Backend[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
});

async function load(of: ModelVariant, more: object = {}) {
  const backend = await remote.create({ ...options, ...more }, { log() {} });
  opened.push(backend);
  const [device] = await backend.devices();
  if (device === undefined) throw new Error("no device");
  return backend.load(of, device, {}, signal);
}

const execution = (inputs: readonly Tensor[], outputs: readonly string[]): Execution => ({
  inputs,
  outputs,
  members: [{ rows: inputs[0]?.shape[0] ?? 1 }],
  reserve: () => undefined,
});

describe("remote", () => {
  backendConformance({
    module: remote,
    options,
    batched: {
      variant: pairs,
      inputs: [floats("A", [2, 2], 1, 2, 3, 4), integers("B", [2, 1], 5n, -6n)],
      outputs: [floats("C", [2, 2], 1, 2, 3, 4), integers("D", [2, 1], 5n, -6n)],
    },
    unbatched: {
      variant: flat,
      inputs: [floats("INPUT0", [3], 1, 2, 3)],
      outputs: [floats("OUTPUT0", [3], 1, 2, 3)],
    },
    texts: { variant: texts, inputs: [text("INPUT0")], outputs: [text("OUTPUT0")] },
    misfit: [floats("A", [2, 3], 1, 2, 3, 4, 5, 6), integers("B", [2, 1], 5n, 6n)],
    unservable: { ...pairs, outputs: [spec("E", "FP32", [2])] },
  });

  it("tells who the server is, unless the options do", async () => {
    const backend = await remote.create(options, { log() {} });
    opened.push(backend);
    expect(await backend.devices()).toEqual([
      {
        id: `remote:127.0.0.1:${far.grpcPort}`,
        vendor: "triton",
        platform: "any",
        location: `127.0.0.1:${far.grpcPort}`,
        description: expect.stringMatching(/^triton \d/),
      },
    ]);
    const stated = await remote.create(
      { ...options, vendor: "xilinx", platform: "u50" },
      { log() {} },
    );
    opened.push(stated);
    expect(await stated.devices()).toMatchObject([{ vendor: "xilinx", platform: "u50" }]);
  });

  it("finds the servers behind a name", async () => {
    const backend = await remote.create({ servers: `localhost:${far.grpcPort}` }, { log() {} });
    opened.push(backend);
    const ids = (await backend.devices()).map(({ id }) => id);
    expect(ids).toContain(`remote:127.0.0.1:${far.grpcPort}`);
  });

  it("lists a server that does not answer, under the same id", async () => {
    const backend = await remote.create({ servers: ["127.0.0.1:1"] }, { log() {} });
    opened.push(backend);
    expect(await backend.devices()).toMatchObject([{ id: "remote:127.0.0.1:1", vendor: "any" }]);
  });
});

describe("which far model is meant", () => {
  const loads = async (of: ModelVariant) => {
    const instance = await load(of);
    const outputs = await instance.execute(
      execution([floats("INPUT0", [1], 5)], ["OUTPUT0"]),
      signal,
    );
    expect(new Uint8Array(outputs[0]?.data ?? [])).toEqual(floats("", [], 5).data);
    await instance.unload();
  };

  it("is by default the one of the same name", async () => {
    await loads({ ...flat, model: "flat", parameters: {} });
  });

  it("is said by a remote.json", async () => {
    const path = join(folder, "remote.json");
    writeFileSync(path, JSON.stringify({ model: "flat", version: "1" }));
    const stated = { ...artifact, path };
    expect(await remote.inspect(stated)).toEqual({
      platform: "any",
      details: { name: "flat", version: "1" },
    });
    await loads({ ...flat, parameters: {}, artifact: stated });
  });

  it.each([
    ['{"modle": "flat"}', 'has no key "modle"; there are model, version'],
    ['{"model": 7}', "model must be a text"],
    ["[]", "must hold an object"],
    ["{", "cannot be read"],
  ])("is not said by %s", async (content, reason) => {
    const path = join(folder, "broken.json");
    writeFileSync(path, content);
    await expect(remote.inspect({ ...artifact, path })).rejects.toMatchObject({
      fault: "artifact",
      message: expect.stringContaining(reason),
    });
  });
});

describe("a far model that is another one than the configuration says", () => {
  it.each<[string, Partial<ModelVariant>, string]>([
    [
      "an output of another name",
      { outputs: [spec("E", "FP32", [2])] },
      'it has no output "E"; it has "C", "D"',
    ],
    [
      "an input of another datatype",
      { inputs: [spec("A", "FP64", [2]), spec("B", "INT64", [1])] },
      'input "A" is FP64 here and FP32 there',
    ],
    [
      "an input of another shape",
      { inputs: [spec("A", "FP32", [3]), spec("B", "INT64", [1])] },
      'input "A" has shape [-1,3] here and [-1,2] there',
    ],
    [
      "an input that is missing",
      { inputs: [spec("A", "FP32", [2])] },
      'it needs an input "B", which is missing here',
    ],
    ["larger batches than it takes", { maxBatchSize: 16 }, "max_batch_size is 16 here and 8 there"],
    ["sequences", { states: [] }, "belong to sequences"],
  ])("%s: refused, naming model, server and both sides", async (_, more, reason) => {
    const refusal = load({ ...pairs, ...more });
    await expect(refusal).rejects.toMatchObject({ fault: "artifact" });
    const place = `model 'pairs' of server 127.0.0.1:${far.grpcPort}: `;
    await expect(load({ ...pairs, ...more })).rejects.toThrow(place);
    await expect(load({ ...pairs, ...more })).rejects.toThrow(reason);
  });

  it("batches where it has no batch axis: refused", async () => {
    const batched = load({ ...flat, maxBatchSize: 4, inputs: [spec("INPUT0", "FP32", [])] });
    await expect(batched).rejects.toThrow('output "OUTPUT0" has shape [-1,-1] here and [-1] there');
  });

  it("several responses a request: refused", async () => {
    const io = {
      inputs: [spec("INPUT0", "FP32", [1])],
      outputs: [spec("OUTPUT0", "FP32", [1])],
    };
    const streaming = load(variant({ ...io, parameters: { remote_model: "streaming" } }));
    await expect(streaming).rejects.toThrow("several responses");
  });

  it("none at all: the server's fault, another may have it", async () => {
    await expect(load({ ...pairs, parameters: {} })).rejects.toMatchObject({
      fault: "device",
      message: expect.stringContaining("'near'"),
    });
  });
});
