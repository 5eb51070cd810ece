import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeQuestion, type InputTensor } from "../../../test/support/infer-messages.ts";
import { joinPieces } from "../../inference/pieces.ts";
import { decodeInferRequest } from "./decode-request.ts";
import { RepeatedRequest } from "./repeated-request.ts";

const decode = (message: Buffer) =>
  decodeInferRequest({ byteLength: message.length, pieces: [message] });

function templateOf(message: Buffer): RepeatedRequest {
  const template = RepeatedRequest.of(message, decode(message));
  if (template === undefined) throw new Error("no template");
  return template;
}

const tensor = (name: string, data: Uint8Array): InputTensor => ({
  name,
  datatype: "UINT8",
  shape: [1, data.length],
  data,
});

const ascii = fc.string({ unit: "grapheme-ascii", maxLength: 40 });
const anyQuestion = fc.record({
  model: ascii,
  id: fc.oneof(ascii, fc.string({ maxLength: 8 })),
  sizes: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 3 }),
  seed: fc.integer({ min: 0, max: 255 }),
});
type Question = typeof anyQuestion extends fc.Arbitrary<infer T> ? T : never;

const encode = ({ model, id, sizes, seed }: Question) =>
  encodeQuestion({
    model,
    id,
    inputs: sizes.map((size, k) => tensor(`x${k}`, new Uint8Array(size).fill(seed + k))),
  });

describe("a request like the one before it", () => {
  it("is recognised wherever it lies, with its own id and data", () => {
    fc.assert(
      fc.property(anyQuestion, ascii, fc.integer({ max: 255, min: 0 }), (first, id, seed) => {
        const template = templateOf(encode(first));
        const message = encode({ ...first, id, seed });
        const bytes = Buffer.concat([Buffer.alloc(7, 1), message, Buffer.alloc(5, 2)]);
        expect(template.matches(bytes, 7, 7 + message.length)).toBe(true);
        expect(template.id).toBe(id);
        const decoded = decode(message);
        for (const [k, { data }] of decoded.inputs.entries()) {
          const start = template.rawStart[k] ?? 0;
          const found = bytes.subarray(start, start + (template.rawBytes[k] ?? 0));
          expect(data && found.equals(joinPieces(data))).toBe(true);
        }
      }),
    );
  });

  it("is never taken for one when anything but id and data differs", () => {
    fc.assert(
      fc.property(anyQuestion, anyQuestion, (first, second) => {
        const template = templateOf(encode(first));
        const message = encode(second);
        if (!template.matches(message, 0, message.length)) return;
        const alike = (question: Question) => {
          const { inputs, model, version, parameters } = decode(encode(question));
          return {
            model,
            version,
            parameters,
            inputs: inputs.map(({ data, ...input }) => ({ ...input, bytes: data?.byteLength })),
          };
        };
        expect(alike(second)).toEqual(alike(first));
        expect(template.id).toBe(second.id);
      }),
      { numRuns: 500 },
    );
  });

  it("damaged, is recognised only where what it says stays the same", () => {
    fc.assert(
      fc.property(anyQuestion, fc.nat(), fc.integer({ min: 1, max: 255 }), (question, at, flip) => {
        const template = templateOf(encode(question));
        const message = encode(question);
        const place = at % message.length;
        message[place] = (message[place] ?? 0) ^ flip;
        if (!template.matches(message, 0, message.length)) return;
        expect(decode(message).model).toBe(question.model);
        expect(decode(message).id).toBe(template.id);
      }),
      { numRuns: 500 },
    );
  });

  it("cut short, is not recognised", () => {
    const message = encode({ model: "m", id: "1", sizes: [8], seed: 0 });
    const template = templateOf(message);
    for (let end = 0; end < message.length; end++) {
      expect(template.matches(message, 0, end)).toBe(false);
    }
  });
});

describe("a request that is no template", () => {
  it("has no raw tensors, or fields out of order", () => {
    const bare = encodeQuestion({ model: "m", inputs: [] });
    expect(RepeatedRequest.of(bare, decode(bare))).toBeUndefined();
    const message = encode({ model: "m", id: "1", sizes: [8], seed: 0 });
    const late = Buffer.concat([message, Buffer.from([0x0a, 1, 0x6e])]);
    expect(RepeatedRequest.of(late, decode(late))).toBeUndefined();
  });
});
