import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InferResponse, Parameters } from "../../inference/request.ts";
import { encodeStreamResponse } from "./encode-response.ts";
import { StreamResponseEncoder } from "./stream-response-encoder.ts";

const word = fc.constantFrom("", "a", "jets", "größe", "x".repeat(130));
const anyOutput = fc.record({
  name: word,
  datatype: fc.constantFrom("FP32", "BYTES"),
  shape: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 3 }),
  data: fc.uint8Array({ maxLength: 300 }),
});
const anyResponse = fc.record(
  {
    model: word,
    version: fc.constantFrom("1", "2"),
    id: word,
    outputs: fc.array(anyOutput, { maxLength: 3 }),
    parameters: fc.constant<Parameters>(new Map([["n", { type: "int64", value: 7 }]])),
    batchRows: fc.integer({ min: 1, max: 300 }),
    queueUs: fc.nat(),
  },
  { requiredKeys: ["model", "version", "id", "outputs"] },
) as fc.Arbitrary<InferResponse>;

/** The same without anything kept from one response to the next. */
function plainly(response: InferResponse, headroom: number, final: boolean): Buffer {
  const flag: Parameters = new Map([["triton_final_response", { type: "bool", value: final }]]);
  return encodeStreamResponse(response, headroom, flag);
}

describe("responses of a stream", () => {
  it("have the bytes that each alone would have, whatever came before", () => {
    const responses = fc.array(fc.tuple(anyResponse, fc.boolean(), fc.nat({ max: 1 })));
    fc.assert(
      fc.property(responses, (all) => {
        const encoder = new StreamResponseEncoder();
        for (const [response, final, again] of all) {
          for (let i = 0; i <= again; i++) {
            const next = i === 0 ? response : { ...response, id: "other" };
            const message = encoder.encode(next, 5, final);
            expect(message.subarray(5)).toEqual(plainly(next, 5, final).subarray(5));
            expect(message.length).toBe(plainly(next, 5, final).length);
          }
        }
      }),
    );
  });

  it("that are large do too", () => {
    const data = new Uint8Array(200_000).fill(3);
    const outputs = [{ name: "y", datatype: "UINT8", shape: [data.length], data }] as const;
    const response: InferResponse = { model: "m", version: "1", id: "7", outputs };
    const encoder = new StreamResponseEncoder();
    const encoded = encoder.encode(response, 0, true);
    expect(encoded.equals(plainly(response, 0, true))).toBe(true);
  });
});
