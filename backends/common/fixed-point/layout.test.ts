import { describe, expect, it } from "vitest";
import type { FixedPointType, ManifestTensor } from "../../contract.ts";
import { layoutOf } from "./layout.ts";

const encoding: FixedPointType = { w: 10, i: 4, signed: true, q: "TRN", o: "WRAP" };
const tensor = (rest: Partial<ManifestTensor>): ManifestTensor => ({
  name: "jet",
  datatype: "FP32",
  shape: [4, 2],
  encoding,
  ...rest,
});

describe("a tensor of a manifest", () => {
  it("is stored in the least words that hold its encoding, without padding", () => {
    expect(layoutOf(tensor({}))).toMatchObject({
      elements: 8,
      clientRowBytes: 32,
      storageBytes: 2,
      packedRowBytes: 16,
      rowBytes: 16,
    });
  });

  it("is stored as the manifest says", () => {
    const layout = layoutOf(tensor({ storageBits: 32, rowBytes: 64 }));
    expect(layout).toMatchObject({ storageBytes: 4, packedRowBytes: 32, rowBytes: 64 });
  });

  it("keeps its datatype's words without an encoding", () => {
    const { encoding: _, ...plain } = tensor({ datatype: "FP64", shape: [] });
    expect(layoutOf(plain)).toMatchObject({ elements: 1, storageBytes: 8, rowBytes: 8 });
    expect(() => layoutOf({ ...plain, storageBits: 32 })).toThrow(
      "tensor jet: storageBits is 32, and an element has 64",
    );
  });

  it.each([
    [{ shape: [4, -1] }, "its shape [4,-1] has to be of lengths of at least 1"],
    [{ encoding: { ...encoding, w: 60 } }, "encoding: w is 60"],
    [{ storageBits: 8 }, "storageBits is 8, and an element has 16"],
    [{ storageBits: 24 }, "storageBits is 24, and has to be 8, 16, 32 or 64"],
    [{ rowBytes: 15 }, "rowBytes is 15, and its elements take 16"],
    [{ rowBytes: 17 }, "rowBytes is 17, and has to be a multiple of an element's 2"],
    [{ datatype: "INT8" }, "INT8 cannot hold the raw integers -512 to 511 of its encoding"],
    [{ datatype: "UINT16" }, "UINT16 cannot hold the raw integers -512 to 511"],
  ] satisfies [Partial<ManifestTensor>, string][])("is refused where %j", (rest, why) => {
    expect(() => layoutOf(tensor(rest))).toThrow(`tensor jet: ${why}`);
  });
});
