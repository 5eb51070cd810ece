import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elementsOf, rawOf } from "./raw-elements.ts";
import { type Datatype, type Tensor, tensor, texts, type ValuesOf } from "./tensor.ts";

describe("a tensor", () => {
  it.each([
    ["BOOL", [true, false], Uint8Array.of(1, 0)],
    ["INT8", [-128, 127], Int8Array.of(-128, 127)],
    ["UINT16", [0, 65535], Uint16Array.of(0, 65535)],
    ["INT32", [-1, 7], Int32Array.of(-1, 7)],
    ["INT64", [-(2n ** 63n), 7], BigInt64Array.of(-(2n ** 63n), 7n)],
    ["UINT64", [2n ** 64n - 1n, 0], BigUint64Array.of(2n ** 64n - 1n, 0n)],
    ["FP16", [1, -2], Uint16Array.of(0x3c00, 0xc000)],
    ["BF16", [1, -2], Uint16Array.of(0x3f80, 0xc000)],
    ["FP32", [0.5, 1e30], Float32Array.of(0.5, 1e30)],
    ["FP64", [0.1, 1e300], Float64Array.of(0.1, 1e300)],
  ] as const)("of %s takes plain values", (datatype, values, data) => {
    const made = tensor("x", datatype as Datatype, [1, 2], values as unknown as ValuesOf<Datatype>);
    expect(made).toEqual({ name: "x", datatype, shape: [1, 2], data });
  });

  it("keeps a typed array, and makes bytes of texts", () => {
    const values = Float32Array.of(1, 2);
    expect(tensor("x", "FP32", [2], values).data).toBe(values);
    expect(texts(tensor("x", "BYTES", [2], ["τ", Uint8Array.of(0x65)]))).toEqual(["τ", "e"]);
  });

  it.each([
    [() => tensor("x", "FP32", [2, 2], [1, 2, 3]), "shape [2, 2] has 4 elements, got 3"],
    [() => tensor("x", "FP32", [-1], [1]), "[-1] is no shape"],
    [() => tensor("x", "UINT8", [2], [1, 300]), "element 1 is 300, which is no UINT8"],
    [() => tensor("x", "INT32", [1], [0.5]), "element 0 is 0.5, which is no INT32"],
    [() => tensor("x", "UINT64", [1], [-1n]), "element 0 is -1, which is no UINT64"],
    [() => tensor("x", "INT64", [1], [2 ** 60]), "which is no INT64"],
  ])("%# that makes no sense is refused in words", (make, words) => {
    expect(make).toThrow(words);
  });
});

describe("raw elements", () => {
  it("come back as they went, wherever they lie in memory", () => {
    const byDatatype = fc.oneof(
      fc.float32Array().map((data) => ({ datatype: "FP32", data })),
      fc.bigInt64Array().map((data) => ({ datatype: "INT64", data })),
      fc.uint16Array().map((data) => ({ datatype: "BF16", data })),
      fc.array(fc.uint8Array()).map((data) => ({ datatype: "BYTES", data })),
    );
    fc.assert(
      fc.property(byDatatype, fc.nat(9), (given, offset) => {
        const sent = { name: "x", shape: [given.data.length], ...given } as unknown as Tensor;
        const raw = rawOf(sent);
        const moved = Buffer.alloc(raw.byteLength + offset);
        moved.set(raw, offset);
        const back = elementsOf(given.datatype, moved.subarray(offset));
        const plain = (value: unknown) => (value instanceof Uint8Array ? [...value] : value);
        expect(Array.from(back as ArrayLike<unknown>, plain)).toEqual(
          Array.from(given.data as ArrayLike<unknown>, plain),
        );
      }),
    );
  });

  it.each([
    ["FP32", 6, "6 bytes are no whole number of FP32"],
    ["BYTES", 3, "a BYTES element at 0 is cut off"],
    ["FP8", 1, "'FP8' is no datatype"],
  ])("of %s in %i bytes are refused", (datatype, bytes, words) => {
    expect(() => elementsOf(datatype, new Uint8Array(bytes))).toThrow(words);
  });
});
