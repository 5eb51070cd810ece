import { describe, expect, it } from "vitest";
import { AT, digestFor, modelWith, withArtifact } from "../../../test/support/catalog-model.ts";
import { pin } from "./artifact-transitions.ts";
import { beyondRetention } from "./retention.ts";
import type { ArtifactState, CatalogModel, Vendor } from "./types.ts";

function add(model: CatalogModel, version: string, vendor: Vendor, state: ArtifactState) {
  return withArtifact(model, version, { vendor, state, digest: digestFor(`${vendor} ${version}`) });
}

describe("retention", () => {
  it("keeps the newest retired versions of each vendor, by number", () => {
    let model = modelWith("1");
    for (const version of ["2", "9", "10", "11"]) {
      model = add(model, version, "xilinx", "retired");
      if (version !== "9") model = add(model, version, "intel", "refused");
    }
    const gone = (keep: (vendor: Vendor) => number) =>
      beyondRetention(model, keep).map(
        ({ version, digest }) =>
          `${version} ${digest === digestFor(`intel ${version}`) ? "intel" : "xilinx"}`,
      );
    expect(gone(() => 2)).toEqual(["2 xilinx", "9 xilinx", "2 intel"]);
    expect(gone((vendor) => (vendor === "xilinx" ? 4 : 0)).toSorted()).toEqual([
      "10 intel",
      "11 intel",
      "2 intel",
    ]);
    expect(gone(() => 10)).toEqual([]);
  });

  it("leaves what is in use, pinned, or pointed at", () => {
    const ref = { version: "2", digest: digestFor("xilinx 2"), vendor: "xilinx" as const };
    const retired = add(add(modelWith("1"), "2", "xilinx", "retired"), "1", "intel", "refused");
    expect(beyondRetention(retired, () => 0)).toEqual([ref]);
    const pinned = pin(retired, ref, { by: "ada", at: AT, note: "" });
    expect(beyondRetention(pinned, () => 0)).toEqual([]);
  });
});
