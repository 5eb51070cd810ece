import { describe, expect, it } from "vitest";
import { RequestReader, replyFrame } from "./frames.ts";
import { numberField, readFields, writeBytesHeader, writeNumber } from "./protobuf.ts";

function requestFrame(api: number, message: Uint8Array): Buffer {
  const header = Buffer.alloc(14);
  header.writeUInt8(9, 0);
  header.writeBigUInt64LE(BigInt(message.byteLength), 1);
  header.writeUInt8(0x15, 9);
  header.writeUInt32LE(api, 10);
  return Buffer.concat([header, message]);
}

describe("a request", () => {
  const message = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i % 251));

  it.each([1_000_000, 65_536, 4_000_000])(
    "is put together from pieces of %i bytes",
    (pieceBytes) => {
      const reader = new RequestReader();
      for (let round = 0; round < 2; round++) {
        const frame = requestFrame(6, message);
        for (let at = 0; at < frame.length; ) {
          const room = reader.room;
          const piece = frame.subarray(at, at + Math.min(pieceBytes, room.byteLength));
          room.set(piece);
          at += piece.byteLength;
          const request = reader.took(piece.byteLength);
          expect(request !== undefined).toBe(at === frame.length);
          if (request === undefined) continue;
          expect(request.api).toBe(6);
          expect(message.equals(request.message)).toBe(true);
        }
      }
    },
  );

  it("is put together byte by byte", () => {
    const reader = new RequestReader();
    const requests = [...requestFrame(11, Buffer.from([1, 2, 3]))].flatMap((byte) => {
      reader.room[0] = byte;
      return reader.took(1) ?? [];
    });
    expect(requests).toEqual([{ api: 11, message: Buffer.from([1, 2, 3]) }]);
  });
});

describe("a reply", () => {
  it("has a header of nine bytes, whatever its size", () => {
    for (const size of [0, 1, 200]) {
      const frame = replyFrame([Buffer.alloc(size)]);
      expect(frame.length).toBe(9 + size);
      expect(frame.readBigUInt64LE(1)).toBe(BigInt(size));
    }
  });
});

describe("fields", () => {
  it.each([0, 1, 127, 128, 300, 2 ** 33, 2 ** 52 + 1])("carry the number %d", (value) => {
    expect(numberField(readFields(writeNumber(3, value)), 3)).toBe(value);
  });

  it("that are cut off are refused", () => {
    expect(() => readFields(writeBytesHeader(1, 5))).toThrow(RangeError);
    expect(() => readFields(Buffer.from([0x80]))).toThrow(RangeError);
  });
});
