/** What is counted of one artifact that computes live requests once more. Nothing of it is a live statistic. */
import type { OutputErrors } from "../../policy/equivalence/types.ts";

export interface ErrorHistogram {
  readonly unit: "ulp" | "lsb" | "abs";
  readonly edges: readonly number[];
  /** Elements by error, as in `OutputErrors.histogram`. */
  readonly counts: number[];
}

export class ShadowCounters {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  /** Compared. */
  rows = 0;
  failingRows = 0;
  decisionFlips = 0;
  /** Sampled, and never computed: there was no room to wait, or the artifact did not get an idle device in time. */
  droppedRows = 0;
  /** Could not be computed, for the reasons in the log. */
  failedRows = 0;
  demotions = 0;
  /** Time that executions took on the device, µs. */
  deviceUs = 0;
  /** Time that the gateway itself took to copy, write and compare, µs. */
  gatewayUs = 0;
  /** By unit: of all outputs. */
  readonly errors = new Map<string, ErrorHistogram>();

  constructor(model: string, version: string, variant: string) {
    this.model = model;
    this.version = version;
    this.variant = variant;
  }

  addErrors(outputs: readonly OutputErrors[]): void {
    for (const { histogram } of outputs) {
      const { unit, edges, counts } = histogram;
      let sum = this.errors.get(unit);
      if (sum === undefined) {
        sum = { unit, edges, counts: counts.map(() => 0) };
        this.errors.set(unit, sum);
      }
      for (const [at, count] of counts.entries()) sum.counts[at] = (sum.counts[at] ?? 0) + count;
    }
  }
}
