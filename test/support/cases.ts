/**
 * A list of checks that run one after the other against one live gateway, each
 * with a line of its own and counts at the end: what `vitest` is not made for
 * (minutes, processes, counters that build on each other).
 */
import { stdout } from "node:process";

export class Cases {
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
    } catch (thrown) {
      this.#failed += 1;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      stdout.write(`FAIL  ${name}: ${reason.replaceAll("\n", "\n      ")}\n`);
    }
  }

  skip(name: string, reason: string): void {
    this.#skipped += 1;
    stdout.write(`skip  ${name}: ${reason}\n`);
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
