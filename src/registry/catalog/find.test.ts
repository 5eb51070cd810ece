import { describe, expect, it } from "vitest";
import { digestFor, modelWith, withArtifact } from "../../../test/support/catalog-model.ts";
import { byVersionDown, findArtifacts } from "./find.ts";
import { setGolden, setReference } from "./golden-transitions.ts";
import { variantName } from "./variant-name.ts";

const u50 = { vendor: "xilinx", platform: "u50", digest: digestFor("u50") } as const;
const model = withArtifact(modelWith("1", "2"), "1", { ...u50, variant: "xilinx-u50" });
const found = (name: Parameters<typeof findArtifacts>[1]) =>
  findArtifacts(model, name).map(({ version, artifact }) => `${version} ${artifact.variant}`);

describe("artifacts of a model", () => {
  it("are found by version, vendor, variant and digest", () => {
    expect(found({})).toEqual(["1 cpu", "1 xilinx-u50", "2 cpu"]);
    expect(found({ vendor: "cpu" })).toEqual(["1 cpu", "2 cpu"]);
    expect(found({ version: "1", vendor: "xilinx" })).toEqual(["1 xilinx-u50"]);
    expect(found({ vendor: "xilinx-u50" })).toEqual(["1 xilinx-u50"]);
    expect(found({ digest: u50.digest })).toEqual(["1 xilinx-u50"]);
  });

  it("that are not there are told with those that are", () => {
    expect(() => found({ version: "2", vendor: "xilinx" })).toThrow(
      /no artifact xilinx; there are version 2 cpu sha256:/,
    );
    expect(() => found({ version: "9" })).toThrow(/no version 9; there are 1, 2/);
  });
});

describe("the name of a variant", () => {
  it("is the vendor's, and tells the platform where the vendor has another one", () => {
    const version = model.versions["1"];
    expect(variantName(undefined, u50)).toBe("xilinx");
    expect(variantName(version, { vendor: "cpu", platform: "cpu" })).toBe("cpu");
    expect(variantName(version, { vendor: "cpu", platform: "arm v8/64" })).toBe("cpu-arm_v8_64");
    expect(variantName(version, { vendor: "intel", platform: "a10" })).toBe("intel");
  });

  it("is free again when its artifact is out of use", () => {
    const retired = withArtifact(modelWith("9"), "1", { ...u50, state: "retired" });
    const other = { vendor: "xilinx", platform: "u250" };
    expect(variantName(retired.versions["1"], other)).toBe("xilinx");
  });
});

describe("golden vectors", () => {
  const golden = (text: string) =>
    ({ inputs: digestFor("in"), outputs: digestFor(text), rows: 3, source: "given" }) as const;

  it("stay what an artifact was verified with", () => {
    const first = setGolden(modelWith("1"), "1", golden("a"));
    expect(first.versions["1"]?.golden).toEqual(golden("a"));
    expect(setGolden(first, "1", golden("a"))).toEqual(first);
    expect(() => setGolden(first, "1", golden("b"))).toThrow(/is ready by other golden vectors/);
    const idle = withArtifact(undefined, "1", { state: "validated" });
    const changed = setGolden(setGolden(idle, "1", golden("a")), "1", golden("b"));
    expect(changed.versions["1"]?.golden).toEqual(golden("b"));
  });

  it("come from an artifact of the version, or from nobody", () => {
    const digest = digestFor("cpu 1");
    const referenced = setReference(modelWith("1"), "1", digest);
    expect(referenced.versions["1"]?.reference).toBe(digest);
    expect(setReference(referenced, "1", digest)).toBe(referenced);
    expect(setReference(referenced, "1", undefined)).toEqual(modelWith("1"));
    expect(() => setReference(modelWith("1"), "1", digestFor("x"))).toThrow(/has no artifact/);
  });
});

it("orders versions by number, newest first", () => {
  expect(["2", "10", "1", "9"].toSorted(byVersionDown)).toEqual(["10", "9", "2", "1"]);
});
