/** A reporter of Vitest: what became of each test, and the figures it told with `annotate`, into $CHAOS_OUTCOMES. */
import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export interface TestOutcome {
  /** From the root of the project. */
  readonly file: string;
  /** With the names of what it stands in. */
  readonly name: string;
  readonly passed: boolean;
  readonly figures: readonly string[];
  readonly trouble: string;
}

export default class OutcomesReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const outcomes: TestOutcome[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state, errors = [] } = test.result();
        if (state === "skipped") continue;
        outcomes.push({
          file: module.relativeModuleId,
          name: test.fullName,
          passed: state === "passed",
          figures: test.annotations().map(({ message }) => message),
          trouble: errors.map(({ message }) => message).join("; "),
        });
      }
    }
    writeFileSync(process.env["CHAOS_OUTCOMES"] ?? "outcomes.json", JSON.stringify(outcomes));
  }
}
