/** What a fuzzer found: cases by their outcome, and every finding with what is needed to have it again. */

export interface Finding {
  readonly what: string;
  /** The input in hexadecimal, cut. */
  readonly input: string;
}

const SHOWN_BYTES = 400;
const KEPT_FINDINGS = 20;

export class Tally {
  readonly outcomes = new Map<string, number>();
  readonly findings: Finding[] = [];
  found = 0;

  count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  find(what: string, input: Uint8Array): void {
    this.found++;
    if (this.findings.length === KEPT_FINDINGS) return;
    const bytes = Buffer.from(input);
    this.findings.push({ what, input: bytes.subarray(0, SHOWN_BYTES).toString("hex") });
  }

  get cases(): number {
    return [...this.outcomes.values()].reduce((sum, count) => sum + count, 0);
  }
}
