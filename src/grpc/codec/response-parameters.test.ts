import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InferResponse, Parameters } from "../../inference/request.ts";
import { decodeInferResponse } from "./decode-response.ts";
import { encodeInferResponse } from "./encode-response.ts";
import { StreamResponseEncoder } from "./stream-response-encoder.ts";

const ORIGIN: Parameters = new Map([
  ["beamgate_device", { type: "string", value: "cpu" }],
  ["beamgate_emulated", { type: "bool", value: false }],
]);

function answer(told: Partial<InferResponse>, rows = 1): InferResponse {
  const data = Uint8Array.from({ length: rows }, (_, row) => row);
  const outputs = [{ name: "y", datatype: "UINT8", shape: [rows, 1], data }] as const;
  return { model: "jets", version: "1", id: "7", outputs, ...told };
}

const decoded = (message: Buffer) => {
  const { parameters } = decodeInferResponse({ byteLength: message.length, pieces: [message] });
  return Object.fromEntries([...(parameters ?? [])].map(([key, { value }]) => [key, value]));
};

describe("an answer that tells where it comes from", () => {
  it("has the parameters that its instance shares, and the two numbers of its own", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 100_000 }), (queueUs, batchRows) => {
        const told = { parameters: ORIGIN, batchRows, queueUs };
        expect(decoded(encodeInferResponse(answer(told), 0))).toEqual({
          beamgate_device: "cpu",
          beamgate_emulated: false,
          beamgate_batch_size: batchRows,
          beamgate_queue_us: queueUs,
        });
      }),
    );
  });

  it("follows its instance when another one answers", () => {
    const other: Parameters = new Map([["beamgate_device", { type: "string", value: "u50-0" }]]);
    for (const parameters of [ORIGIN, other, ORIGIN]) {
      const told = decoded(encodeInferResponse(answer({ parameters }), 0));
      expect(told["beamgate_device"]).toBe(parameters.get("beamgate_device")?.value);
    }
  });

  it("tells nothing where nothing is told", () => {
    expect(decoded(encodeInferResponse(answer({}), 0))).toEqual({});
  });
});

describe("answers to requests of a stream that shared a batch", () => {
  it("tell the same, each in a message of its own", () => {
    const told = { parameters: ORIGIN, batchRows: 48, queueUs: 130 };
    const encoder = new StreamResponseEncoder();
    const all = encoder.encodeParts(answer(told, 3), ["a", "b", "c"]);
    const messages: Buffer[] = [];
    for (let at = 0; at < all.length; at += 5 + all.readUInt32BE(at + 1)) {
      messages.push(all.subarray(at + 5, at + 5 + all.readUInt32BE(at + 1)));
    }
    const alone = ["a", "b", "c"].map((id, row) => {
      const outputs = [{ ...answer({}).outputs[0], data: Uint8Array.of(row) }];
      return encoder.encode({ ...answer(told), id, outputs } as InferResponse, 0, true);
    });
    expect(messages).toEqual(alone);
  });
});
