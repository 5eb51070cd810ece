import { describe, expect, it } from "vitest";
import { onePiece } from "../../inference/pieces.ts";
import { decodeInferResponse, decodeStreamResponse } from "./decode-response.ts";
import { encodeInferResponse, encodeStreamError } from "./encode-response.ts";

describe("a response", () => {
  it("has an entry of raw contents for every output, also for an empty one", () => {
    const outputs = [
      { name: "a", datatype: "FP32", shape: [0], data: new Uint8Array() },
      { name: "b", datatype: "UINT8", shape: [], data: Uint8Array.of(7) },
    ] as const;
    const message = encodeInferResponse({ model: "m", version: "1", id: "", outputs }, 0);
    expect(decodeInferResponse(onePiece(message)).outputs).toEqual([
      {
        name: "a",
        datatype: "FP32",
        shape: [0],
        parameters: undefined,
        data: onePiece(Buffer.alloc(0)),
      },
      {
        name: "b",
        datatype: "UINT8",
        shape: [],
        parameters: undefined,
        data: onePiece(Buffer.of(7)),
      },
    ]);
  });

  it("that gRPC cannot carry is refused in Triton's words", () => {
    // A view that claims its length: nobody allocates 2 GiB for a test.
    const data = { byteLength: 2 ** 31 } as Uint8Array;
    const outputs = [{ name: "a", datatype: "UINT8", shape: [2 ** 31], data }] as const;
    const encode = () => encodeInferResponse({ model: "m", version: "1", id: "", outputs }, 5);
    expect(encode).toThrow(
      "Response has byte size 2147483679 which exceeds gRPC's byte size limit 2147483647.",
    );
  });
});

describe("an error in a stream", () => {
  it("carries the text, the id of its request and that it is the last of it", () => {
    const final = new Map([["triton_final_response", { type: "bool" as const, value: true }]]);
    const message = encodeStreamError(
      "no such model",
      { model: "m", version: "", id: "7" },
      5,
      final,
    );
    expect(decodeStreamResponse(message.subarray(5))).toEqual({
      errorMessage: "no such model",
      response: { model: "m", version: "", id: "7", parameters: final, outputs: [] },
    });
  });
});
