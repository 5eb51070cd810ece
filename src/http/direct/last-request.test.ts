import { describe, expect, it } from "vitest";
import { joinPieces, onePiece } from "../../inference/pieces.ts";
import type { ModelSignature } from "../../inference/request.ts";
import { readInferBody } from "../infer/read-body.ts";
import type { InferBody } from "../infer/read-request.ts";
import { LastRequest } from "./last-request.ts";

const signature: ModelSignature = {
  ...{ name: "m", version: "1", maxBatchSize: 0, decoupled: false, reproducible: false },
  inputs: [{ name: "IN", datatype: "UINT8", shape: [-1] }],
  outputs: [],
};
const PLACE = { model: "m", version: "", maxInputBytes: 2 ** 20 };

const input = (name: string, size: number) => {
  return { name, datatype: "UINT8", shape: [size], parameters: { binary_data_size: size } };
};

function bodyOf(json: object, raw: string) {
  const text = Buffer.from(JSON.stringify(json));
  return { body: Buffer.concat([text, Buffer.from(raw)]), jsonBytes: text.length };
}

/** Everything that it says, with the bytes of its tensors. */
function plain({ wire, outputs }: InferBody) {
  const inputs = wire.inputs.map(({ data, ...rest }) => {
    return { ...rest, data: data && Buffer.from(joinPieces(data)).toString() };
  });
  return { ...wire, inputs, outputs };
}

describe("a connection's requests", () => {
  const two = { id: "i", inputs: [input("A", 3), input("EMPTY", 0), input("B", 2)] };

  it("whose JSON repeats are read as if it was read again, each with its own tensors", () => {
    const last = new LastRequest();
    for (const raw of ["abcde", "fghij", "klmno"]) {
      const { body, jsonBytes } = bodyOf(two, raw);
      const fresh = readInferBody(onePiece(body), jsonBytes, signature, PLACE);
      expect(plain(last.read(body, jsonBytes, signature, PLACE))).toEqual(plain(fresh));
    }
  });

  it("keep nothing of a body that was read", () => {
    const last = new LastRequest();
    const { body, jsonBytes } = bodyOf(two, "abcde");
    last.read(body, jsonBytes, signature, PLACE);
    const next = Buffer.from(body);
    body.fill(0);
    next.write("xyz", jsonBytes);
    expect(plain(last.read(next, jsonBytes, signature, PLACE)).inputs[0]?.data).toBe("xyz");
  });

  it("are read anew where anything differs", () => {
    const last = new LastRequest();
    const read = (json: object, raw: string, place = PLACE) => {
      const { body, jsonBytes } = bodyOf(json, raw);
      return plain(last.read(body, jsonBytes, signature, place));
    };
    expect(read(two, "abcde").id).toBe("i");
    expect(read({ ...two, id: "j" }, "abcde").id).toBe("j");
    expect(read({ ...two, id: "j" }, "abcde", { ...PLACE, version: "7" }).version).toBe("7");
    expect(() => read(two, "abcdef")).toThrow("unexpected additional input data for model 'm'");
    expect(() => read(two, "abcd")).toThrow("B");
    expect(read(two, "abcde").inputs.map(({ data }) => data)).toEqual(["abc", "", "de"]);
  });

  it("may have their tensors in the JSON, which is read each time", () => {
    const last = new LastRequest();
    for (const data of [[1], [2], [2]]) {
      const json = { inputs: [{ name: "A", datatype: "UINT8", shape: [1], data }] };
      const { body, jsonBytes } = bodyOf(json, "");
      const { inputs } = last.read(body, jsonBytes, signature, PLACE).wire;
      expect(inputs[0]?.data?.pieces[0]?.[0]).toBe(data[0]);
    }
  });
});
