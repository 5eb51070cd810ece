import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Datatype } from "../../backends/contract.ts";
import { planBatch, writeBatch } from "./batch.ts";
import { encodeBytesTensor } from "./bytes-tensor.ts";
import { modelInputs, modelOutputs } from "./model-tensors.ts";
import { onePiece } from "./pieces.ts";
import type { ClientTensorSpec, InferRequest, InputTensor, ModelSignature } from "./request.ts";
import { splitOutputs } from "./split-outputs.ts";

function aModel(given: Partial<ModelSignature>): ModelSignature {
  return {
    name: "M",
    version: "1",
    maxBatchSize: 64,
    inputs: [],
    outputs: [],
    decoupled: false,
    reproducible: false,
    ...given,
  };
}

const bytes = (name: string, given: Partial<ClientTensorSpec> = {}): ClientTensorSpec => ({
  name,
  datatype: "UINT8",
  shape: [-1],
  ...given,
});

function aRequest(
  signature: ModelSignature,
  rows: number,
  ...tensors: readonly [shape: readonly number[], data: Uint8Array, datatype?: Datatype][]
): InferRequest {
  const inputs: InputTensor[] = tensors.map(([shape, data, datatype = "UINT8"], index) => ({
    index,
    datatype,
    shape,
    data: onePiece(data),
  }));
  return {
    id: "",
    signature,
    inputs,
    outputs: signature.outputs.map((_, index) => index),
    rows,
    batchKey: "",
    alone: false,
    priority: 0,
    timeoutUs: 0,
  };
}

/** What a model gets of these requests, and what they get of one that returns its inputs. */
function through(signature: ModelSignature, requests: readonly InferRequest[]) {
  const plan = planBatch(requests);
  const room = Buffer.alloc(plan.byteLength, 0xff);
  writeBatch(requests, plan, room);
  const seen = plan.inputs.map(({ index, shape, offset, byteLength }) => ({
    index,
    shape,
    data: room.subarray(offset, offset + byteLength),
  }));
  const outputs = seen.slice(0, signature.outputs.length);
  return { plan, seen, answers: splitOutputs(signature, requests, outputs) };
}

const ragged = aModel({
  inputs: [bytes("x", { ragged: true })],
  outputs: [bytes("y", { scatteredLike: 0 })],
});
const raggedRequest = (...rows: (readonly number[])[]) =>
  aRequest(ragged, rows.length, [[rows.length, rows[0]?.length ?? 0], Buffer.from(rows.flat())]);

describe("requests of different lengths", () => {
  const requests = [[2, 2], [4, 4, 4, 4], [1], [3, 3, 3]].map((row) => raggedRequest(row));

  it("are one axis to the model, end to end", () => {
    const { seen, plan } = through(ragged, requests);
    expect(seen[0]?.shape).toEqual([10]);
    expect([...(seen[0]?.data ?? [])]).toEqual([2, 2, 4, 4, 4, 4, 1, 3, 3, 3]);
    expect(plan.memberRows).toEqual([1, 1, 1, 1]);
    expect(modelInputs(ragged)).toEqual([bytes("x", { unbatched: true })]);
    expect(modelOutputs(ragged)).toEqual([bytes("y", { unbatched: true })]);
  });

  it("get their own stretch back, in their own shape", () => {
    const shapes = through(ragged, requests).answers.map(([y]) => y?.shape);
    expect(shapes).toEqual([
      [1, 2],
      [1, 4],
      [1, 1],
      [1, 3],
    ]);
  });

  it("may have several rows, which are one stretch", () => {
    const { answers } = through(ragged, [raggedRequest([1, 2], [3, 4]), raggedRequest([5])]);
    expect(answers[0]?.[0]).toMatchObject({ shape: [2, 2], data: Buffer.of(1, 2, 3, 4) });
    expect(answers[1]?.[0]).toMatchObject({ shape: [1, 1], data: Buffer.of(5) });
  });

  it("fail together where the model returns fewer elements", () => {
    const short = [{ index: 0, shape: [9], data: Buffer.alloc(9) }];
    expect(() => splitOutputs(ragged, requests, short)).toThrow(
      "output 'y' of model 'M' version 1 cannot be parted: it has 9 elements, the shapes of the requests say 10",
    );
  });

  it("need no batch axis in the model's configuration either", () => {
    const single = aModel({ ...ragged, maxBatchSize: 0 });
    const request = aRequest(single, 1, [[3], Buffer.of(1, 2, 3)]);
    const { seen, answers } = through(single, [request]);
    expect(seen[0]?.shape).toEqual([3]);
    expect(answers[0]?.[0]).toMatchObject({ shape: [3], data: Buffer.of(1, 2, 3) });
  });
});

describe("tensors that the model has in another shape", () => {
  it("keep the lengths of their free axes, in order", () => {
    const reshape = { shape: [2, -1, 3, -1], modelShape: [-1, 6, -1] };
    const model = aModel({ inputs: [bytes("x", reshape)], outputs: [bytes("y", reshape)] });
    const request = aRequest(model, 1, [[1, 2, 1, 3, 5], Buffer.alloc(30, 1)]);
    const { seen, answers } = through(model, [request, request]);
    expect(seen[0]?.shape).toEqual([2, 1, 6, 5]);
    expect(answers[1]?.[0]?.shape).toEqual([1, 2, 1, 3, 5]);
    expect(modelInputs(model)[0]?.shape).toEqual([-1, 6, -1]);
  });

  it("may have no axis but the batch's", () => {
    const flat = { shape: [1], modelShape: [] };
    const model = aModel({ inputs: [bytes("x", flat)], outputs: [bytes("y", flat)] });
    const requests = [7, 8].map((value) => aRequest(model, 1, [[1, 1], Buffer.of(value)]));
    const { seen, answers } = through(model, requests);
    expect(seen[0]?.shape).toEqual([2]);
    expect(answers[1]?.[0]).toMatchObject({ shape: [1, 1], data: Buffer.of(8) });
  });

  it("may be scalars, which clients write as one element", () => {
    const scalar = { shape: [1], modelShape: [] };
    const model = aModel({
      inputs: [bytes("x", scalar)],
      outputs: [bytes("y", scalar)],
      maxBatchSize: 0,
    });
    const { seen, answers } = through(model, [aRequest(model, 1, [[1], Buffer.of(7)])]);
    expect(seen[0]?.shape).toEqual([]);
    expect(answers[0]?.[0]?.shape).toEqual([1]);
  });

  it("are INTERNAL where the model returns another number of elements", () => {
    const model = aModel({ outputs: [bytes("y", { shape: [4], modelShape: [2, 2] })] });
    const wrong = [{ index: 0, shape: [1, 2, 3], data: Buffer.alloc(6) }];
    expect(() => splitOutputs(model, [aRequest(model, 1)], wrong)).toThrow(
      "output 'y' of model 'M' version 1 returned shape [1,2,3], which is not [2,2] as its reshape says",
    );
  });
});

describe("a shape tensor", () => {
  it("is given to the batch once, and back to each request whole", () => {
    const shape = { shape: [2], shapeTensor: true };
    const model = aModel({
      inputs: [bytes("s", shape), bytes("x")],
      outputs: [bytes("t", shape), bytes("y")],
    });
    const requests = [1, 2].map((value) =>
      aRequest(model, 1, [[2], Buffer.of(5, 6)], [[1, 1], Buffer.of(value)]),
    );
    const { seen, answers } = through(model, requests);
    expect(seen.map(({ shape: one }) => one)).toEqual([[2], [2, 1]]);
    expect([...(seen[0]?.data ?? [])]).toEqual([5, 6]);
    expect(answers[1]?.map(({ shape: one, data }) => [one, [...data]])).toEqual([
      [[2], [5, 6]],
      [[1, 1], [2]],
    ]);
    expect(modelInputs(model)[0]).toEqual(bytes("s", { shape: [2], unbatched: true }));
  });
});

describe("joining and parting tensors of all kinds", () => {
  const model = aModel({
    inputs: [
      bytes("numbers", { ragged: true }),
      bytes("words", { datatype: "BYTES", ragged: true }),
      bytes("rows", { shape: [2, 3], modelShape: [6] }),
    ],
    outputs: [
      bytes("n", { scatteredLike: 0 }),
      bytes("w", { datatype: "BYTES", scatteredLike: 1 }),
      bytes("r", { shape: [2, 3], modelShape: [6] }),
    ],
    made: [
      {
        from: "batch",
        spec: { name: "ends", datatype: "INT32", shape: [-1], unbatched: true },
        kind: "BATCH_ACCUMULATED_ELEMENT_COUNT",
        source: 0,
      },
    ],
  });
  const request = fc
    .record({
      rows: fc.integer({ min: 1, max: 3 }),
      numbers: fc.integer({ min: 0, max: 5 }),
      words: fc.integer({ min: 0, max: 3 }),
      fill: fc.integer({ min: 0, max: 255 }),
    })
    .map(({ rows, numbers, words, fill }) =>
      aRequest(
        model,
        rows,
        [[rows, numbers], Buffer.alloc(rows * numbers, fill)],
        [
          [rows, words],
          encodeBytesTensor(
            Array.from({ length: rows * words }, (_, i) => Buffer.alloc((i + fill) % 5, fill)),
          ),
          "BYTES",
        ],
        [[rows, 2, 3], Buffer.alloc(rows * 6, fill)],
      ),
    );

  it("gives every request its own bytes and shapes back", () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 6 }), (requests) => {
        const { seen, answers, plan } = through(model, requests);
        for (const [i, { inputs }] of requests.entries()) {
          expect(answers[i]?.map(({ shape }) => shape)).toEqual(inputs.map(({ shape }) => shape));
          expect(answers[i]?.map(({ data }) => Buffer.from(data))).toEqual(
            inputs.map(({ data }) => Buffer.concat(data.pieces)),
          );
        }
        expect(seen[2]?.shape).toEqual([plan.rows, 6]);
        const ends = seen[3];
        expect(ends?.index).toBe(3);
        expect(ends?.shape).toEqual([requests.length]);
        expect(ends?.data.readInt32LE(4 * (requests.length - 1))).toBe(seen[0]?.data.byteLength);
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});
