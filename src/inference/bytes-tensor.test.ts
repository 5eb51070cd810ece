import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bytesRowEnds,
  decodeBytesTensor,
  encodeBytesTensor,
  scanBytesTensor,
} from "./bytes-tensor.ts";
import { onePiece } from "./pieces.ts";

const elements = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 9 });
const RUNS = { seed: 1, numRuns: 200 } as const;

describe("a BYTES tensor", () => {
  it("gives back what was put in", () => {
    fc.assert(
      fc.property(elements, (given) => {
        const back = decodeBytesTensor(encodeBytesTensor(given)).map((e) => Uint8Array.from(e));
        expect(back).toEqual(given);
      }),
      RUNS,
    );
  });

  it("is counted the same however it is cut into pieces", () => {
    fc.assert(
      fc.property(
        elements,
        fc.array(fc.nat(100), { maxLength: 6 }),
        fc.nat(100),
        (given, cuts, end) => {
          const whole = encodeBytesTensor(given);
          const data = whole.subarray(0, end);
          const places = [...cuts.map((c) => Math.min(c, data.length)), data.length];
          const ends = places.toSorted((a, b) => a - b);
          const pieces = ends.map((e, i) => data.subarray(ends[i - 1] ?? 0, e));
          const scan = scanBytesTensor({ byteLength: data.length, pieces }, 100);
          expect(scan).toEqual(scanBytesTensor(onePiece(data), 100));
          if (data.length === whole.length) {
            expect(scan).toEqual({ elements: given.length, lengthBytesLeft: 0, cutOff: undefined });
          }
        },
      ),
      RUNS,
    );
  });

  it("whose length says more than there is, ends in the middle of an element", () => {
    const data = Buffer.of(0xff, 0xff, 0xff, 0xff, 1, 2);
    expect(scanBytesTensor(onePiece(data), 1).cutOff).toEqual({
      expected: 2 ** 32 - 1,
      available: 2,
    });
    expect(() => decodeBytesTensor(data)).toThrow(RangeError);
    expect(() => decodeBytesTensor(data.subarray(0, 3))).toThrow(RangeError);
  });

  it("ends each row behind its last element", () => {
    const data = encodeBytesTensor(["a", "bb", "", "dddd"].map((text) => Buffer.from(text)));
    expect(bytesRowEnds(data, 2, 2)).toEqual([11, 23]);
    expect(() => bytesRowEnds(data, 1, 3)).toThrow("8 bytes behind the last element");
    expect(() => bytesRowEnds(data, 5, 1)).toThrow(RangeError);
  });
});
