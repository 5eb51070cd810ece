/**
 * A list of checks that run one after the other against one live gateway, each
 * with a line of its own and counts at the end: what `vitest` is not made for
 * (minutes, processes, counters that build on each other).
 */
import { stdout } from "node:process";

/** What became of a case. */
export interface CaseResult {
  /** The part of the run that it belongs to, as `Cases.part` said. */
  readonly part: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What it told: figures, or why not. */
  readonly remark: string;
}

export class Cases {
  /** Of the cases that follow. */
  part = "";
  readonly results: CaseResult[] = [];
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  /** Prints `ok` or `FAIL` with the reason; a failure does not stop the next case. */
  async run(name: string, check: () => Promise<string | undefined> | string | undefined) {
    const begin = performance.now();
    try {
      const remark = await check();
      this.#passed += 1;
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      stdout.write(`ok    ${name} (${seconds} s)${remark ? `: ${remark}` : ""}\n`);
      this.results.push({ part: this.part, name, outcome: "passed", remark: remark ?? "" });
    } catch (thrown) {
      this.#failed += 1;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      stdout.write(`FAIL  ${name}: ${reason.replaceAll("\n", "\n      ")}\n`);
      this.results.push({ part: this.part, name, outcome: "failed", remark: reason });
    }
  }

  skip(name: string, reason: string): void {
    this.#skipped += 1;
    stdout.write(`skip  ${name}: ${reason}\n`);
    this.results.push({ part: this.part, name, outcome: "skipped", remark: reason });
  }

  /** Prints the counts. @returns the exit status. */
  finish(): number {
    const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : "";
    stdout.write(`${this.#passed} passed, ${this.#failed} failed${skipped}\n`);
    return this.#failed === 0 && this.#passed > 0 ? 0 : 1;
  }
}

/** @throws Error with `message` unless `claim` holds. */
export function expect(claim: boolean, message: string): asserts claim {
  if (!claim) throw new Error(message);
}
