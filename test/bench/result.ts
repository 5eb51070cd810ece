/** What a bench reports, and whether its goal is met. */
import type { Spread } from "./rounds.ts";

export interface Goal {
  readonly kind: "at least" | "at most";
  readonly value: number;
}

export interface BenchResult {
  readonly name: string;
  /** What `value` is, with its unit. */
  readonly measures: string;
  readonly value: number;
  /** Over the rounds. */
  readonly spread?: Spread;
  /** The A/A pair: the same thing twice, second over first. */
  readonly noise?: Spread;
  readonly goal?: Goal;
  /** Further figures, by name with unit. */
  readonly figures: Readonly<Record<string, number>>;
  /** Failed calls by what was wrong; a bench with any has measured something else. */
  readonly errors: Readonly<Record<string, number>>;
}

/** What the bench compares with is not on this machine. */
export class BenchSkipped extends Error {
  override readonly name = "BenchSkipped";
}

/** undefined for a bench without a goal. */
export function goalMet({ value, goal, errors }: BenchResult): boolean | undefined {
  if (!goal) return undefined;
  if (Object.keys(errors).length > 0) return false;
  return goal.kind === "at least" ? value >= goal.value : value <= goal.value;
}

export function mergeErrors(
  all: readonly Readonly<Record<string, number>>[],
): Record<string, number> {
  const merged: Record<string, number> = {};
  for (const errors of all) {
    for (const [kind, count] of Object.entries(errors)) merged[kind] = (merged[kind] ?? 0) + count;
  }
  return merged;
}
