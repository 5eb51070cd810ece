import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planBatch, writeBatch } from "./batch.ts";
import { encodeBytesTensor } from "./bytes-tensor.ts";
import { joinPieces, onePiece } from "./pieces.ts";
import type { InferRequest, ModelSignature, Pieces } from "./request.ts";
import { splitOutputs } from "./split-outputs.ts";

const signature: ModelSignature = {
  name: "M",
  version: "3",
  maxBatchSize: 64,
  inputs: [
    { name: "x", datatype: "UINT8", shape: [3] },
    { name: "s", datatype: "BYTES", shape: [1], optional: true },
  ],
  outputs: [
    { name: "X", datatype: "UINT8", shape: [3] },
    { name: "S", datatype: "BYTES", shape: [1] },
  ],
  decoupled: false,
  reproducible: false,
};

function aRequest(
  x: Pieces,
  strings?: readonly string[],
  given: Partial<InferRequest> = {},
): InferRequest {
  const rows = x.byteLength / 3;
  const words = strings && encodeBytesTensor(strings.map((text) => Buffer.from(text)));
  return {
    id: "",
    signature,
    inputs: [
      { index: 0, datatype: "UINT8", shape: [rows, 3], data: x },
      ...(words
        ? [{ index: 1, datatype: "BYTES" as const, shape: [rows, 1], data: onePiece(words) }]
        : []),
    ],
    outputs: [0, 1],
    rows,
    batchKey: "",
    alone: false,
    priority: 0,
    timeoutUs: 0,
    ...given,
  };
}
const bytes = (...values: number[]) => onePiece(Uint8Array.from(values));

describe("requests joined into a batch", () => {
  const a = aRequest({ byteLength: 6, pieces: [Buffer.of(1, 2), Buffer.of(3, 4, 5, 6)] }, [
    "one",
    "",
  ]);
  const b = aRequest(bytes(7, 8, 9), ["three"]);
  const plan = planBatch([a, b]);

  it("lie input after input, aligned, row after row", () => {
    expect(plan).toEqual({
      inputs: [
        { index: 0, shape: [3, 3], offset: 0, byteLength: 9 },
        { index: 1, shape: [3, 1], offset: 64, byteLength: 20 },
      ],
      byteLength: 128,
      rows: 3,
      memberRows: [2, 1],
    });
  });

  it("are copied to their places, pieces and all", () => {
    const room = Buffer.alloc(128);
    writeBatch([a, b], plan, room);
    expect([...room.subarray(0, 9)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(room.subarray(64, 84).toString("latin1")).toBe("\x03\0\0\0one\0\0\0\0\x05\0\0\0three");
  });

  it("leave an optional input out that none of them has", () => {
    const inputs = planBatch([aRequest(bytes(1, 2, 3)), aRequest(bytes(4, 5, 6))]).inputs;
    expect(inputs.map((input) => input.index)).toEqual([0]);
  });

  it("are a mistake where their inputs differ", () => {
    expect(() => planBatch([a, aRequest(bytes(1, 2, 3))])).toThrow(RangeError);
    expect(() => planBatch([])).toThrow(RangeError);
  });

  it("of one request keep its shape, also without a batch axis", () => {
    const input = { index: 0, datatype: "UINT8" as const, shape: [], data: bytes(9) };
    const scalar = aRequest(bytes(0), undefined, { inputs: [input], rows: 1 });
    expect(planBatch([scalar]).inputs).toEqual([{ index: 0, shape: [], offset: 0, byteLength: 1 }]);
  });
});

describe("outputs of a batch", () => {
  const a = aRequest(bytes(1, 2, 3, 4, 5, 6), ["one", ""]);
  const b = aRequest(bytes(7, 8, 9), ["three"], { outputs: [1] });
  const fixed = { index: 0, shape: [3, 3], data: Buffer.of(1, 2, 3, 4, 5, 6, 7, 8, 9) };
  const words = {
    index: 1,
    shape: [3, 1],
    data: encodeBytesTensor(["ONE", "", "THREE"].map((text) => Buffer.from(text))),
  };

  it("go to the requests whose rows they are, as asked for, as views", () => {
    const [forA, forB] = splitOutputs(signature, [a, b], [words, fixed]);
    expect(forA).toEqual([
      { name: "X", datatype: "UINT8", shape: [2, 3], data: Buffer.of(1, 2, 3, 4, 5, 6) },
      { name: "S", datatype: "BYTES", shape: [2, 1], data: words.data.subarray(0, 11) },
    ]);
    expect(forB).toEqual([
      { name: "S", datatype: "BYTES", shape: [1, 1], data: words.data.subarray(11) },
    ]);
    expect(forA?.[0]?.data.buffer).toBe(fixed.data.buffer);
  });

  it("come in the order in which the client named them", () => {
    const backwards = { ...a, outputs: [1, 0], rows: 3 };
    const [answer] = splitOutputs(signature, [backwards], [fixed, words]);
    expect(answer?.map((output) => output.name)).toEqual(["S", "X"]);
  });

  it.each([
    [
      "rows are missing",
      { ...fixed, shape: [2, 3] },
      "output 'X' of model 'M' version 3 returned 2 rows for a batch of 3",
    ],
    [
      "there is no batch axis",
      { ...fixed, shape: [] },
      "output 'X' of model 'M' version 3 returned no batch axis for a batch of 3",
    ],
    [
      "bytes are missing",
      { ...fixed, data: Buffer.of(1) },
      "output 'X' of model 'M' version 3 returned 1 bytes for shape [3,3] of UINT8",
    ],
    [
      "a string is cut off",
      { ...words, data: words.data.subarray(0, 15) },
      "output 'S' of model 'M' version 3 returned a BYTES tensor that is broken: RangeError: an element at byte 11 ends behind the data, at 20",
    ],
    [
      "nobody knows the output",
      { ...fixed, index: 5 },
      "model 'M' returned an output at position 5; it has 2",
    ],
  ])("are refused where %s", (_, output, text) => {
    const split = () => splitOutputs(signature, [a, b], [output]);
    expect(split).toThrow(expect.objectContaining({ code: "INTERNAL", message: text }));
  });

  it("are refused where one that was asked for is missing", () => {
    const split = () => splitOutputs(signature, [a, b], [words]);
    expect(split).toThrow("output 'X' of model 'M' version 3 was not returned");
  });

  it("of a model without a batch axis go to its one request as they are", () => {
    const model = { ...signature, maxBatchSize: 0 };
    const scalar = { index: 0, shape: [], data: Buffer.of(5) };
    const other = { ...words, shape: [3, 1] };
    expect(splitOutputs(model, [a], [scalar, other])).toEqual([
      [
        { name: "X", datatype: "UINT8", shape: [], data: scalar.data },
        { name: "S", datatype: "BYTES", shape: [3, 1], data: words.data },
      ],
    ]);
  });
});

describe("joining and parting", () => {
  it("never moves a row to another request", () => {
    const member = fc
      .array(fc.tuple(fc.uint8Array({ minLength: 3, maxLength: 3 }), fc.string({ maxLength: 5 })), {
        minLength: 1,
        maxLength: 5,
      })
      .map((rows) => ({
        x: Buffer.concat(rows.map(([x]) => x)),
        strings: rows.map(([, text]) => text),
      }));
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 6 }), (members) => {
        const requests = members.map((m) => aRequest(onePiece(m.x), m.strings));
        const plan = planBatch(requests);
        const room = Buffer.alloc(plan.byteLength);
        writeBatch(requests, plan, room);
        // A model that returns its inputs.
        const outputs = plan.inputs.map(({ index, shape, offset, byteLength }) => ({
          index,
          shape,
          data: room.subarray(offset, offset + byteLength),
        }));
        const answers = splitOutputs(signature, requests, outputs);
        const given = requests.map((r) => r.inputs.map((i) => Buffer.from(joinPieces(i.data))));
        expect(answers.map((answer) => answer.map((o) => Buffer.from(o.data)))).toEqual(given);
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});
