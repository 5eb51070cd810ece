import { describe, expect, it } from "vitest";
import type { Datatype } from "../../backends/contract.ts";
import { decodeBytesTensor } from "./bytes-tensor.ts";
import { classify } from "./classification.ts";
import type { OutputTensor } from "./request.ts";

function scores(
  values: Float32Array | Float64Array | Int8Array | BigInt64Array | BigUint64Array,
  datatype: Datatype,
  shape: readonly number[],
): OutputTensor {
  // At an odd offset, as views of an answer may be.
  const data = new Uint8Array(values.byteLength + 1).subarray(1);
  data.set(new Uint8Array(values.buffer));
  return { name: "scores", datatype, shape, data };
}

const texts = ({ data }: OutputTensor) => decodeBytesTensor(data).map(String);

describe("the classes of an output", () => {
  const two = scores(Float32Array.of(0.1, 0.7, 0.2, 9, -1, 8.5), "FP32", [2, 3]);

  it("are the best of every row, best first", () => {
    const classes = classify(two, 2, true, []);
    expect(classes).toMatchObject({ name: "scores", datatype: "BYTES", shape: [2, 2] });
    expect(texts(classes)).toEqual(["0.700000:1", "0.200000:2", "9.000000:0", "8.500000:2"]);
  });

  it("are no more than there are", () => {
    const classes = classify(two, 1000, true, []);
    expect(classes.shape).toEqual([2, 3]);
    expect(texts(classes)).toHaveLength(6);
  });

  it("are one list where the model has no batch axis", () => {
    const classes = classify(two, 2, false, []);
    expect(classes.shape).toEqual([2]);
    expect(texts(classes)).toEqual(["9.000000:3", "8.500000:5"]);
  });

  it("carry their label, where there is one", () => {
    const labelled = classify(two, 3, true, ["cat", ""]);
    expect(texts(labelled).slice(0, 3)).toEqual(["0.700000:1", "0.200000:2", "0.100000:0:cat"]);
  });

  it("come by index where they are equally good, whether few or many are asked for", () => {
    const equal = scores(new Float64Array(200), "FP64", [200]);
    const indices = (count: number) =>
      texts(classify(equal, count, false, [])).map((text) => Number(text.split(":")[1]));
    expect(indices(3)).toEqual([0, 1, 2]);
    expect(indices(200)).toEqual([...Array(200).keys()]);
  });

  it("put what is not a number last", () => {
    const some = scores(Float32Array.of(Number.NaN, 1, -1), "FP32", [3]);
    expect(texts(classify(some, 3, false, []))).toEqual(["1.000000:1", "-1.000000:2", "nan:0"]);
  });

  it("are whole numbers where the scores are, to the last digit", () => {
    const large = BigInt64Array.of(9_007_199_254_740_993n, 9_007_199_254_740_992n, -5n);
    expect(texts(classify(scores(large, "INT64", [3]), 2, false, []))).toEqual([
      "9007199254740993:0",
      "9007199254740992:1",
    ]);
    const unsigned = scores(BigUint64Array.of(2n ** 64n - 1n), "UINT64", [1]);
    expect(texts(classify(unsigned, 1, false, []))).toEqual(["18446744073709551615:0"]);
    const small = scores(Int8Array.of(-3, 4), "INT8", [1, 2]);
    expect(texts(classify(small, 2, true, []))).toEqual(["4:1", "-3:0"]);
  });

  it.each(["FP16", "BF16", "BYTES", "BOOL"] as const)("there are none of %s", (datatype) => {
    const output = { name: "scores", datatype, shape: [1, 1], data: new Uint8Array(8) };
    expect(() => classify(output, 1, true, [])).toThrow(
      `class result not available for output due to unsupported type '${datatype}'`,
    );
  });
});
