/** The fault matrix as it was seen: a row a fault, put together from the cases and tests that ran. */
import type { CaseResult } from "../../support/cases.ts";
import type { ByCases, ByTests, Fault, Proof } from "./fault.ts";
import type { TestOutcome } from "./outcomes-reporter.ts";

export interface Row {
  readonly id: string;
  readonly what: string;
  readonly goal: string;
  /** Where the fault is made. */
  readonly where: string;
  /** What was seen there. */
  readonly seen: string;
  readonly verdict: "passed" | "missed" | "not run";
}

interface Seen {
  readonly verdict: Row["verdict"];
  readonly text: string;
}

/** @param ranParts parts of the suite that ran, whether or not they had cases */
export function rowsOf(
  faults: readonly Fault[],
  ranParts: ReadonlySet<string>,
  cases: readonly CaseResult[],
  tests: readonly TestOutcome[] | undefined,
): readonly Row[] {
  return faults.map(({ id, what, goal, proofs }) => {
    const seen = proofs.map((proof) => seenOf(proof, ranParts, cases, tests));
    const told = seen.map(({ text }) => text).filter((text) => text !== "");
    return {
      ...{ id, what, goal, where: proofs.map(whereOf).join("; ") },
      seen: told.join("; "),
      verdict: worst(seen),
    };
  });
}

function seenOf(
  proof: Proof,
  ranParts: ReadonlySet<string>,
  cases: readonly CaseResult[],
  tests: readonly TestOutcome[] | undefined,
): Seen {
  if ("program" in proof) return notRun;
  if ("part" in proof) return ranParts.has(proof.part) ? seenInCases(proof, cases) : notRun;
  return tests === undefined ? notRun : seenInTests(proof, tests);
}

const notRun: Seen = { verdict: "not run", text: "" };

function whereOf(proof: Proof): string {
  if ("program" in proof) return `\`${proof.program}\``;
  return "part" in proof ? `chaos \`${proof.part}\`` : `\`${proof.file}\``;
}

function worst(seen: readonly Seen[]): Row["verdict"] {
  if (seen.some(({ verdict }) => verdict === "missed")) return "missed";
  return seen.length === 0 || seen.some(({ verdict }) => verdict === "not run")
    ? "not run"
    : "passed";
}

function seenInCases(proof: ByCases, cases: readonly CaseResult[]): Seen {
  const hits = cases.filter(({ part, name }) => part === proof.part && proof.cases.test(name));
  if (hits.length === 0) return { verdict: "missed", text: `no case ${proof.cases.source}` };
  const failed = hits.find(({ outcome }) => outcome === "failed");
  if (failed) return { verdict: "missed", text: `${failed.name}: ${failed.remark}` };
  const skipped = hits.find(({ outcome }) => outcome === "skipped");
  if (skipped) return { verdict: "not run", text: skipped.remark };
  return { verdict: "passed", text: hits.map(({ remark }) => remark).join("; ") };
}

function seenInTests(proof: ByTests, tests: readonly TestOutcome[]): Seen {
  const hits = tests.filter(({ file, name }) => file === proof.file && proof.tests.test(name));
  if (hits.length === 0) return { verdict: "missed", text: `no test ${proof.tests.source}` };
  const failed = hits.find(({ passed }) => !passed);
  if (failed) return { verdict: "missed", text: `${failed.name}: ${failed.trouble}` };
  const figures = hits.flatMap(({ figures: told }) => told);
  const count = hits.length === 1 ? "1 test" : `${hits.length} tests`;
  return { verdict: "passed", text: [`${count} of ${hits.length} passed`, ...figures].join(": ") };
}

const HEAD = ["#", "fault", "to reach", "seen", "where", ""] as const;
const MARKS = { passed: "passed", missed: "**missed**", "not run": "not run" } as const;

export function markdownOf(rows: readonly Row[]): string {
  const lines = [
    `| ${HEAD.join(" | ")} |`,
    `|${HEAD.map(() => "---").join("|")}|`,
    ...rows.map(
      ({ id, what, goal, seen, where, verdict }) =>
        `| ${[id, what, goal, seen, where, MARKS[verdict]].map(cell).join(" | ")} |`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

const cell = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ").replaceAll("|", "\\|");
