import { describe, expect, it } from "vitest";
import { compareValues, csvOf, type Value } from "./values.ts";

const sorted = (...values: readonly Value[]) => values.toSorted(compareValues);

describe("values of a table", () => {
  it("are in the order of numbers, and of texts with numbers", () => {
    expect(sorted(10, 9, -2)).toEqual([-2, 9, 10]);
    expect(sorted("jets 10", "jets 9")).toEqual(["jets 9", "jets 10"]);
  });

  it("come first where they are not known, below any number", () => {
    expect(sorted(0, null, -2, null)).toEqual([null, null, -2, 0]);
  });

  it("are empty in a file where they are not known, and never become formulas", () => {
    const rows = [
      ["jets", 1.5],
      ["=1+1", null],
      ['a "b", c', -3],
    ] as const;
    expect(csvOf(["Model", "p99"], rows)).toBe(
      'Model,p99\r\njets,1.5\r\n\'=1+1,\r\n"a ""b"", c",-3\r\n',
    );
  });
});
