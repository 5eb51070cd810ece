import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameParser, HEADER_BYTES, newFrame } from "./frames.ts";

interface Sent {
  readonly type: number;
  readonly meta: Uint8Array;
  readonly payload: Uint8Array;
}

const anyFrame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  meta: fc.uint8Array({ maxLength: 60 }),
  payload: fc.uint8Array({ maxLength: 200 }),
});

function encode({ type, meta, payload }: Sent): Buffer {
  const frame = newFrame(type, meta.length, payload.length);
  frame.set(meta, HEADER_BYTES);
  return Buffer.concat([frame, payload]);
}

function parse(chunks: readonly Buffer[]) {
  const got: Sent[] = [];
  const parser = new FrameParser((type, meta, payload) =>
    got.push({ type, meta: Uint8Array.from(meta), payload: Uint8Array.from(payload) }),
  );
  for (const chunk of chunks) parser.push(chunk);
  return { got, idle: parser.idle };
}

describe("frames on a stream", () => {
  it("come out as they went in, wherever the stream was cut", () => {
    fc.assert(
      fc.property(fc.array(anyFrame), fc.array(fc.nat()), (frames, cuts) => {
        const whole = Buffer.concat(frames.map(encode));
        const at = [0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length];
        at.sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, i) => whole.subarray(at[i], end));
        expect(parse(chunks)).toEqual({ got: frames, idle: true });
      }),
    );
  });

  it("come out one byte at a time", () => {
    const frame = { type: 7, meta: Uint8Array.of(1, 2, 3), payload: Uint8Array.of(4, 5) };
    const chunks = [...encode(frame)].map((byte) => Buffer.of(byte));
    expect(parse(chunks).got).toEqual([frame]);
  });

  it("put each payload at the start of memory of its own, so that it is aligned", () => {
    const parser = new FrameParser((_type, _meta, payload) => expect(payload.byteOffset).toBe(0));
    parser.push(encode({ type: 1, meta: Uint8Array.of(1), payload: new Uint8Array(100) }));
    expect.assertions(1);
  });

  it("cut off in the middle leave the parser waiting", () => {
    const frame = encode({ type: 1, meta: Uint8Array.of(1, 2), payload: Uint8Array.of(3) });
    expect(parse([frame.subarray(0, -1)])).toEqual({ got: [], idle: false });
  });
});

describe("bytes that are no frames", () => {
  it.each([
    ["another mark", 1],
    ["a byte that must be zero", 3],
    ["a payload of more than 4 GiB", 12],
  ])("are refused: %s", (_, position) => {
    const frame = newFrame(1, 0, 0);
    frame[position] = (frame[position] ?? 0) ^ 1;
    expect(() => parse([frame])).toThrow("not a frame");
  });
});
