/** The table tells what was seen, and nothing else. */
import { describe, expect, it } from "vitest";
import type { CaseResult } from "../../support/cases.ts";
import type { Fault } from "./fault.ts";
import { FAULTS } from "./faults.ts";
import type { TestOutcome } from "./outcomes-reporter.ts";
import { markdownOf, rowsOf } from "./table.ts";

const fault: Fault = {
  ...{ id: "F1", what: "a worker is killed", goal: "0 errors" },
  proofs: [
    { part: "kill", cases: /no client/ },
    { file: "a.test.ts", tests: /^a worker/ },
  ],
};
const aCase = (given: Partial<CaseResult> = {}): CaseResult => ({
  ...{ part: "kill", name: "no client notices", outcome: "passed", remark: "0 of 10" },
  ...given,
});
const aTest = (given: Partial<TestOutcome> = {}): TestOutcome => ({
  ...{ file: "a.test.ts", name: "a worker is back", passed: true, figures: [], trouble: "" },
  ...given,
});
const rowOf = (
  cases: readonly CaseResult[],
  tests: readonly TestOutcome[] | undefined,
  parts: readonly string[] = ["kill"],
) => rowsOf([fault], new Set(parts), cases, tests)[0];

describe("a row", () => {
  it("has passed when all that it stands on has, and shows the figures", () => {
    expect(rowOf([aCase()], [aTest({ figures: ["3 ms"] })])).toMatchObject({
      verdict: "passed",
      seen: "0 of 10; 1 test of 1 passed: 3 ms",
    });
  });

  it.each<[string, readonly CaseResult[], readonly TestOutcome[]]>([
    ["a case failed", [aCase(), aCase({ outcome: "failed", remark: "2 of 10" })], [aTest()]],
    ["there is no such case", [aCase({ name: "another" })], [aTest()]],
    ["a test failed", [aCase()], [aTest({ passed: false, trouble: "late" })]],
    ["there is no such test", [aCase()], [aTest({ name: "another" })]],
  ])("has missed its figure where %s", (_, cases, tests) => {
    expect(rowOf(cases, tests)?.verdict).toBe("missed");
  });

  it.each<[string, readonly CaseResult[], readonly TestOutcome[] | undefined, readonly string[]]>([
    ["its part did not run", [], [aTest()], []],
    ["its case was skipped", [aCase({ outcome: "skipped" })], [aTest()], ["kill"]],
    ["its tests did not run", [aCase()], undefined, ["kill"]],
  ])("was not run where %s", (_, cases, tests, parts) => {
    expect(rowOf(cases, tests, parts)?.verdict).toBe("not run");
  });

  it("was not run where a program of its own shows it", () => {
    const elsewhere = { ...fault, proofs: [{ program: "npm run bench" }] };
    expect(rowsOf([elsewhere], new Set(), [], [])[0]).toMatchObject({
      ...{ verdict: "not run", where: "`npm run bench`" },
    });
  });

  it("stays in one line of the table whatever it tells", () => {
    const rows = rowsOf([fault], new Set(["kill"]), [aCase({ remark: "a|b\nc" })], [aTest()]);
    expect(markdownOf(rows).trimEnd().split("\n")).toHaveLength(3);
    expect(markdownOf(rows)).toContain("a\\|b c");
  });
});

describe("the matrix", () => {
  it("has the faults in order, each once, and each stands on something", () => {
    const numbers = FAULTS.map(({ id }) => Number(id.slice(1)));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(FAULTS.filter(({ proofs }) => proofs.length === 0)).toEqual([]);
  });
});
