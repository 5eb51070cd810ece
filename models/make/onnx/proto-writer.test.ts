import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { ProtoWriter } from "./proto-writer.ts";

const schema = `
  syntax = "proto3";
  message M { int64 i = 1; float f = 2; string s = 3; bytes b = 4; M m = 5; repeated int64 many = 200 [packed = false]; }
`;
const type = protobuf.parse(schema).root.lookupType("M");
const read = (writer: ProtoWriter) =>
  type.toObject(type.decode(writer.finish()), { longs: String, bytes: Array });

describe("a written message", () => {
  it.each(["1", "127", "128", "300", "4294967296", "9223372036854775807", "-1", "-300"])(
    "carries the whole number %s",
    (value) => {
      expect(read(new ProtoWriter().int(1, BigInt(value)))).toEqual({ i: value });
    },
  );

  it("carries floats, text, bytes, messages and high field numbers", () => {
    const inner = new ProtoWriter().string(3, "inner");
    const writer = new ProtoWriter()
      .float(2, 1.5)
      .string(3, "η → μμ")
      .bytes(4, Uint8Array.of(0, 255))
      .message(5, inner)
      .int(200, 7)
      .int(200, 8);
    expect(read(writer)).toEqual({
      f: 1.5,
      s: "η → μμ",
      b: [0, 255],
      m: { s: "inner" },
      many: ["7", "8"],
    });
  });

  it("carries more bytes than a one-byte length can say", () => {
    const long = "x".repeat(20_000);
    expect(read(new ProtoWriter().string(3, long))).toEqual({ s: long });
  });
});
