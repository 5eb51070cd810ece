import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Sha256 } from "./registry/sha256.ts";

const bytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31 + length) & 255);
const expected = (of: Uint8Array) => createHash("sha256").update(of).digest("hex");

describe("the page's SHA-256", () => {
  it.each([0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1_000_003])(
    "of %i bytes is that of Node",
    (length) => {
      const hash = new Sha256();
      hash.update(bytes(length));
      expect(hash.digest()).toBe(expected(bytes(length)));
    },
  );

  it("is the same in whatever pieces they come", () => {
    const whole = bytes(10_000);
    for (const piece of [1, 7, 63, 64, 65, 4096]) {
      const hash = new Sha256();
      for (let at = 0; at < whole.length; at += piece) hash.update(whole.subarray(at, at + piece));
      expect(hash.digest(), `pieces of ${piece}`).toBe(expected(whole));
    }
  });
});
