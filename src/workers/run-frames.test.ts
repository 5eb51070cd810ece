import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HEADER_BYTES } from "./frames.ts";
import {
  readResponse,
  readResult,
  readRun,
  responseFrame,
  resultFrame,
  runFrame,
} from "./run-frames.ts";

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const size = fc.maxSafeNat();
const shape = fc.array(size, { maxLength: 8 });

const anyRun = fc.record({
  run: u32,
  instance: u32,
  room: u32,
  roomBytes: size,
  outputOffset: size,
  inputs: fc.array(fc.record({ index: u16, offset: size, byteLength: size, shape })),
  outputs: fc.array(u16),
  memberRows: fc.array(u32),
  streamed: fc.boolean(),
  notes: fc.option(
    fc.array(
      fc.record({
        sequence: fc.record({ id: fc.string(), start: fc.boolean(), end: fc.boolean() }),
        parameters: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.boolean(), fc.integer()), {
          noNullPrototype: true,
        }),
      }),
    ),
    { nil: undefined },
  ),
});
const anyResult = fc.record({
  run: u32,
  timing: fc.record({ inputUs: fc.double(), inferUs: fc.double(), outputUs: fc.double() }),
  outputs: fc.array(
    fc.record({ index: u16, inline: fc.boolean(), offset: size, byteLength: size, shape }),
  ),
});

const anyResponse = fc.record({
  run: u32,
  member: u32,
  inferUs: fc.double(),
  outputUs: fc.double(),
  outputs: fc.array(fc.record({ index: u16, byteLength: size, shape })),
});

describe("runs, responses and results", () => {
  it("come back from the wire as they were", () => {
    fc.assert(
      fc.property(anyRun, (run) => {
        expect(readRun(runFrame(run, 0).subarray(HEADER_BYTES))).toEqual(run);
      }),
    );
    fc.assert(
      fc.property(anyResult, (result) => {
        expect(readResult(resultFrame(result, 0).subarray(HEADER_BYTES))).toEqual(result);
      }),
    );
  });

  it("of a stream too", () => {
    fc.assert(
      fc.property(anyResponse, (response) => {
        const frame = responseFrame(response, 0).subarray(HEADER_BYTES);
        expect(readResponse(frame)).toEqual(response);
        expect(() => readResponse(frame.subarray(0, -1))).toThrow(RangeError);
      }),
    );
  });

  it("are refused when a byte is missing or one too many", () => {
    fc.assert(
      fc.property(anyRun, (run) => {
        const meta = runFrame(run, 0).subarray(HEADER_BYTES);
        expect(() => readRun(meta.subarray(0, -1))).toThrow(RangeError);
        expect(() => readRun(Buffer.concat([meta, Buffer.of(0)]))).toThrow("1 bytes too many");
      }),
    );
  });
});
