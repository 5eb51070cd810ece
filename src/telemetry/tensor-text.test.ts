import { describe, expect, it } from "vitest";
import { tensorText } from "./tensor-text.ts";

describe("a tensor as text", () => {
  it.each([
    ["BOOL", Uint8Array.of(0, 1, 2), "0,1,1"],
    ["UINT8", Uint8Array.of(7, 255), "7,255"],
    ["INT8", Int8Array.of(-1, 5), "-1,5"],
    ["UINT16", Uint16Array.of(65535), "65535"],
    ["INT16", Int16Array.of(-300), "-300"],
    ["INT32", Int32Array.of(1, -2), "1,-2"],
    ["UINT32", Uint32Array.of(2 ** 32 - 1), "4294967295"],
    ["INT64", BigInt64Array.of(-(2n ** 62n)), "-4611686018427387904"],
    ["UINT64", BigUint64Array.of(2n ** 64n - 1n), "18446744073709551615"],
    ["FP32", Float32Array.of(0.1, 3, 1234567), "0.1,3,1234570"],
    ["FP64", Float64Array.of(0.5, Number.NaN), "0.5,NaN"],
    ["FP16", Uint16Array.of(1), ""],
    ["BYTES", Buffer.from([2, 0, 0, 0, 104, 34, 0, 0, 0, 0]), '"h\\"",""'],
  ])("of %s", (datatype, values, text) => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    // Whatever the network delivered may begin anywhere.
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(tensorText(datatype, shifted.subarray(1))).toBe(text);
  });

  it("is cut where it would be endless", () => {
    const text = tensorText("UINT8", new Uint8Array(200_000));
    expect(text.length).toBe(200_003);
    expect(text).toMatch(/,0,\.\.\.$/);
  });
});
