import { describe, expect, it } from "vitest";
import { DEFAULT_TENANT } from "../../inference/caller.ts";
import { mergedChange, readChange, requireFulfillable, withChange } from "./settings.ts";

const cms = {
  ...DEFAULT_TENANT,
  name: "cms",
  weight: 2,
  guarantee: 0.5,
  quota: { rowsPerSecond: 1000, concurrentBytes: 1 },
};

describe("a change of a tenant", () => {
  it("replaces what it names and leaves the rest as the file has it", () => {
    const change = readChange({ weight: 3, quota: { rowsPerSecond: 10, bytesPerSecond: 5 } });
    expect(withChange(cms, change)).toEqual({
      ...cms,
      weight: 3,
      quota: { rowsPerSecond: 10, bytesPerSecond: 5, concurrentBytes: 1 },
    });
    expect(withChange(cms, undefined)).toBe(cms);
  });

  it("takes a limit away with null", () => {
    expect(withChange(cms, readChange({ quota: { rowsPerSecond: null } })).quota).toEqual({
      concurrentBytes: 1,
    });
  });

  it("adds to the one before it", () => {
    const first = readChange({ weight: 3, quota: { rowsPerSecond: 10 } });
    const second = readChange({ guarantee: 0.1, quota: { concurrentBytes: null } });
    expect(mergedChange(first, second)).toEqual({
      weight: 3,
      guarantee: 0.1,
      quota: { rowsPerSecond: 10, concurrentBytes: null },
    });
  });

  it.each([
    [{ weight: 0 }, "'weight' of a tenant: expected a number above 0"],
    [{ weight: "2" }, "'weight' of a tenant: expected a number above 0"],
    [{ guarantee: 1.5 }, "'guarantee' of a tenant: expected a number from 0 to 1"],
    [
      { quota: { rowsPerSecond: -1 } },
      "'quota.rowsPerSecond' of a tenant: expected a number of at least 0.001, or null",
    ],
    [
      { quota: { bytesPerSecond: 1e-300 } },
      "'quota.bytesPerSecond' of a tenant: expected a number of at least 0.001, or null",
    ],
    [
      { quota: { rows: 1 } },
      "'quota.rows' of a tenant: expected one of rowsPerSecond, bytesPerSecond",
    ],
    [{ quota: [] }, "'quota' of a tenant: expected an object of limits"],
    [{ Weight: 1 }, "'Weight' of a tenant: expected one of weight, guarantee, quota"],
  ])("of %j is refused", (given, text) => {
    expect(() => readChange(given)).toThrow(text);
  });

  it("may not promise more than there is", () => {
    const atlas = { ...cms, name: "atlas", guarantee: 0.6 };
    expect(() => requireFulfillable([cms, { ...atlas, guarantee: 0.5 }])).not.toThrow();
    expect(() => requireFulfillable([cms, atlas])).toThrow(
      "the guarantees of all tenants are 1.1 together (cms 0.5, atlas 0.6): at most 1 can be promised",
    );
  });
});
