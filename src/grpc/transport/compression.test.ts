import { deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { StatusError } from "../../errors.ts";
import type { Pieces } from "../../inference/request.ts";
import {
  accepts,
  deflateFramed,
  type InflateLimits,
  inflate,
  parseEncoding,
} from "./compression.ts";
import { withPrefixRoom } from "./frame.ts";
import { joined } from "./piece-list.ts";

type Zipped = "gzip" | "deflate";
const zip = (encoding: Zipped, bytes: Buffer) =>
  (encoding === "gzip" ? gzipSync : deflateSync)(bytes);

function cut(bytes: Buffer, size: number): Pieces {
  const pieces: Buffer[] = [];
  for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.subarray(i, i + size));
  return { byteLength: bytes.length, pieces };
}

function inflated(message: Pieces, encoding: Zipped, limits: Partial<InflateLimits> = {}) {
  let reserved = 0;
  const reserve = (bytes: number) => {
    reserved += bytes;
    return true;
  };
  return new Promise<{ result: Pieces | StatusError; reserved: number }>((resolve) =>
    inflate(message, encoding, { maxBytes: 2 ** 31, reserve, ...limits }, (result) =>
      resolve({ result, reserved }),
    ),
  );
}

const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 31) >> 7));

describe.each(["gzip", "deflate"] as const)("%s", (encoding) => {
  it.each([0, 5, 1_000, 300_000])("brings %d bytes back, and reserves as many", async (size) => {
    const bytes = noise.subarray(0, size);
    const { result, reserved } = await inflated(cut(zip(encoding, bytes), 10_000), encoding);
    expect(result).not.toBeInstanceOf(StatusError);
    expect(joined(result as Pieces).equals(bytes)).toBe(true);
    expect(reserved).toBe(size);
  });

  it("of a message that inflates beyond the limit is given up early", async () => {
    const bomb = cut(zip(encoding, Buffer.alloc(32 * 1024 * 1024)), 65_536);
    let reserved = 0;
    const reserve = (bytes: number) => {
      reserved += bytes;
      return true;
    };
    const { result } = await inflated(bomb, encoding, { maxBytes: 1_000_000, reserve });
    expect(result).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    expect((result as StatusError).message).toContain("larger than 1000000");
    expect(reserved).toBeLessThanOrEqual(1_000_000);
  });

  it("of a message for which there is no room is refused", async () => {
    for (const size of [1_000, 300_000]) {
      const message = cut(zip(encoding, noise.subarray(0, size)), 65_536);
      const { result } = await inflated(message, encoding, { reserve: () => false });
      expect(result).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    }
  });

  it.each([10, 100_000])("of %d bytes that are none is refused", async (size) => {
    const { result } = await inflated(cut(Buffer.alloc(size, 0x55), 1_000), encoding);
    expect(result).toMatchObject({ code: "INTERNAL" });
    expect((result as StatusError).message).toContain(encoding);
  });

  it("of a message that is cut short is refused", async () => {
    for (const size of [1_000, 300_000]) {
      const whole = zip(encoding, noise.subarray(0, size));
      const { result } = await inflated(cut(whole.subarray(0, whole.length - 9), 65_536), encoding);
      expect(result).toMatchObject({ code: "INTERNAL" });
    }
  });

  it.each([100, 200_000])("makes a frame of a message of %d bytes", async (size) => {
    const framed = await new Promise<Buffer>((resolve) =>
      deflateFramed(withPrefixRoom(noise.subarray(0, size)), encoding, -1, resolve),
    );
    expect([framed[0], framed.readUInt32BE(1)]).toEqual([1, framed.length - 5]);
    const { result } = await inflated(cut(framed.subarray(5), 1_000_000), encoding);
    expect(joined(result as Pieces).equals(noise.subarray(0, size))).toBe(true);
  });
});

describe("headers about encodings", () => {
  it("name one that is known, or none", () => {
    expect(parseEncoding(undefined)).toBe("identity");
    expect(parseEncoding("gzip")).toBe("gzip");
    expect(parseEncoding("snappy")).toBeUndefined();
  });

  it("list what the client takes", () => {
    expect(accepts("identity, gzip,deflate", "gzip")).toBe(true);
    expect(accepts("identity,xgzip", "gzip")).toBe(false);
    expect(accepts(undefined, "gzip")).toBe(false);
  });
});
