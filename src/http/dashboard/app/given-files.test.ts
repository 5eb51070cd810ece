import { describe, expect, it } from "vitest";
import { classFrom } from "./registry/equivalence.ts";
import { partOf, vendorOf, whyNot } from "./registry/sort-files.ts";

describe("a file that is dropped", () => {
  it.each([
    ["jets.onnx", "artifact"],
    ["JETS.XCLBIN", "artifact"],
    ["manifest.json", "manifest"],
    ["jets-manifest.json", "manifest"],
    ["config.pbtxt", "config"],
    ["in.npz", "golden inputs"],
    ["expected_out.npz", "golden outputs"],
    ["signature.json", "signature"],
    ["jets.sig", "signature"],
    ["labels.txt", "beside it"],
    ["notes", "beside it"],
  ])("%s is taken for its %s", (name, part) => expect(partOf(name)).toBe(part));

  it("tells mostly whose it is", () => {
    expect(["a.xclbin", "a.aocx", "a.onnx", "a.txt"].map(vendorOf)).toEqual([
      ...["xilinx", "intel", "cpu"],
      undefined,
    ]);
  });
});

describe("files together", () => {
  it.each([
    [["artifact", "manifest", "config", "golden inputs", "beside it", "beside it"], undefined],
    [["artifact", "golden inputs", "golden outputs"], undefined],
    [["config"], /No file is the artifact/],
    [["artifact", "artifact"], /Several files are the artifact/],
    [["artifact", "golden outputs"], /without the inputs/],
  ] as const)("%j make a registration or are told why not", (parts, why) => {
    const told = whyNot(parts);
    if (why === undefined) expect(told).toBeUndefined();
    else expect(told).toMatch(why);
  });
});

describe("the class that is filled in", () => {
  it.each([
    ["", "", undefined],
    ["bit-exact", "", { kind: "bit-exact" }],
    ["ulp", "4", { kind: "ulp", max: 4 }],
    ["abs-rel", "0.02", { kind: "abs-rel", abs: 0.02, rel: 0 }],
    ["abs-rel", "0.02, 1e-3", { kind: "abs-rel", abs: 0.02, rel: 0.001 }],
    ["fixed-point", "16,6,1", { kind: "fixed-point", w: 16, i: 6, lsb: 1 }],
  ])("%s with '%s' is what the gateway reads", (kind, numbers, read) =>
    expect(classFrom(kind, numbers)).toEqual(read),
  );

  it.each([
    ["ulp", ""],
    ["ulp", "four"],
    ["fixed-point", "16,6"],
  ])("%s with '%s' is sent back with what is needed", (kind, numbers) =>
    expect(() => classFrom(kind, numbers)).toThrow(`the class ${kind} needs`),
  );
});
