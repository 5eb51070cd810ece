/** Two results side by side: what became better, what worse, and whether they may be compared at all. */
import { milliseconds, percent, perSecond } from "./format.ts";
import { quantileOf } from "./html/steps.ts";
import { lostShare } from "./objectives.ts";
import type { Result } from "./schema.ts";

export interface ComparedRow {
  readonly figure: string;
  readonly before: string;
  readonly after: string;
  /** Relative; positive: larger. undefined where the first is 0. */
  readonly change: number | undefined;
  readonly verdict: "better" | "worse" | "same";
}

export interface Comparison {
  readonly rows: readonly ComparedRow[];
  /** Why the figures do not say what they seem to. */
  readonly warnings: readonly string[];
}

interface Figure {
  readonly name: string;
  readonly lowerIsBetter: boolean;
  readonly text: (value: number) => string;
  readonly of: (result: Result) => number | undefined;
}

const quantile = (share: number) => (result: Result) => {
  const point = result.points[result.main];
  const value = point === undefined ? Number.NaN : quantileOf(point, share);
  return Number.isNaN(value) ? undefined : value;
};

const FIGURES: readonly Figure[] = [
  {
    ...{ name: "answered", lowerIsBetter: false, text: perSecond },
    of: ({ points, main }) => points[main]?.answeredPerSecond,
  },
  { name: "p50", lowerIsBetter: true, text: milliseconds, of: quantile(0.5) },
  { name: "p99", lowerIsBetter: true, text: milliseconds, of: quantile(0.99) },
  { name: "p99.9", lowerIsBetter: true, text: milliseconds, of: quantile(0.999) },
  {
    ...{ name: "without a good answer", lowerIsBetter: true, text: percent },
    of: ({ points, main }) => {
      const point = points[main];
      return point && lostShare(point);
    },
  },
  {
    ...{ name: "in time (first budget)", lowerIsBetter: false, text: percent },
    of: ({ points, main }) => points[main]?.budgets[0]?.inTime,
  },
  {
    ...{ name: "trigger output", lowerIsBetter: false, text: perSecond },
    of: ({ trigger }) => trigger?.outputPerSecond,
  },
  {
    ...{ name: "dead time", lowerIsBetter: true, text: percent },
    of: ({ trigger }) => trigger?.deadShare,
  },
  {
    ...{ name: "area under the ROC", lowerIsBetter: false, text: (value) => value.toFixed(4) },
    of: ({ trigger }) => trigger?.roc?.area,
  },
  {
    ...{ name: "capacity", lowerIsBetter: false, text: perSecond },
    of: ({ capacity }) => capacity?.rate.perSecond,
  },
];

/** @param tolerance a change up to this share is none */
export function compareResults(before: Result, after: Result, tolerance: number): Comparison {
  const rows = FIGURES.flatMap(({ name, lowerIsBetter, text, of }): ComparedRow[] => {
    const a = of(before);
    const b = of(after);
    if (a === undefined || b === undefined) return [];
    const change = a === 0 ? undefined : b / a - 1;
    const same = a === b || (change !== undefined && Math.abs(change) <= tolerance);
    const verdict = same ? "same" : b < a === lowerIsBetter ? "better" : "worse";
    return [{ figure: name, before: text(a), after: text(b), change, verdict }];
  });
  return { rows, warnings: warningsOf(before, after) };
}

function warningsOf(before: Result, after: Result): string[] {
  const warnings: string[] = [];
  const differ = (what: string, a: string, b: string) => {
    if (a !== b) warnings.push(`${what} differs: ${a} and ${b}`);
  };
  differ("the scenario", before.scenario.name, after.scenario.name);
  differ("the seed", String(before.scenario.seed), String(after.scenario.seed));
  differ("the model", before.model.name, after.model.name);
  differ("the protocol", before.server.protocol, after.server.protocol);
  differ("the machine", before.host.cpu, after.host.cpu);
  for (const [which, { validity }] of [
    ["first", before],
    ["second", after],
  ] as const) {
    if (!validity.valid) warnings.push(`the ${which} is INVALID: ${validity.reasons.join("; ")}`);
  }
  return warnings;
}
