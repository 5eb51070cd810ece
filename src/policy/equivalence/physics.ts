/** What an experiment decides with a score, by the reference and by another artifact. */
import type { EquivalenceClass, PhysicsFigures } from "./types.ts";

export type PhysicsClass = Extract<EquivalenceClass, { kind: "physics" }>;

export class DecisionComparison {
  readonly #class: PhysicsClass;
  readonly #got: number[] = [];
  readonly #expected: number[] = [];
  readonly #labels: number[] = [];
  #flipped = 0;
  #accepted = 0;
  #referenceAccepted = 0;

  constructor(equivalence: PhysicsClass) {
    this.#class = equivalence;
  }

  /** @param label 1: signal, 0: background; NaN where nobody knows. @returns whether both decide alike */
  add(got: number, expected: number, label: number): boolean {
    const { threshold } = this.#class;
    const [ours, theirs] = [got >= threshold, expected >= threshold];
    if (ours) this.#accepted += 1;
    if (theirs) this.#referenceAccepted += 1;
    if (ours !== theirs) this.#flipped += 1;
    this.#got.push(got);
    this.#expected.push(expected);
    if (!Number.isNaN(label)) this.#labels.push(label);
    return ours === theirs;
  }

  get figures(): PhysicsFigures {
    const rows = this.#got.length;
    const share = (count: number) => (rows === 0 ? 0 : count / rows);
    const labelled = rows > 0 && this.#labels.length === rows;
    return {
      rows,
      agreement: rows === 0 ? 1 : 1 - this.#flipped / rows,
      flipped: this.#flipped,
      efficiency: share(this.#accepted),
      referenceEfficiency: share(this.#referenceAccepted),
      ...(labelled && {
        auc: auc(this.#got, this.#labels),
        referenceAuc: auc(this.#expected, this.#labels),
      }),
    };
  }
}

/** Which limit is exceeded, in words; undefined: none. */
export function exceeded(
  { minAgreement, maxEfficiencyDifference, maxAucDifference }: PhysicsClass,
  figures: PhysicsFigures,
): string | undefined {
  const { agreement, flipped, rows, efficiency, referenceEfficiency } = figures;
  if (minAgreement !== undefined && agreement < minAgreement) {
    return `${flipped} of ${rows} decisions differ: they agree in ${agreement}, required is ${minAgreement}`;
  }
  const apart = Math.abs(efficiency - referenceEfficiency);
  if (maxEfficiencyDifference !== undefined && apart > maxEfficiencyDifference) {
    const found = `the accepted share is ${efficiency}, the reference's ${referenceEfficiency}`;
    return `${found}: allowed is a difference of ${maxEfficiencyDifference}`;
  }
  if (maxAucDifference === undefined) return undefined;
  const { auc: area, referenceAuc } = figures;
  if (area === undefined || referenceAuc === undefined) {
    return "an AUC needs 'labels' (0 or 1 a row) among the golden outputs";
  }
  if (Math.abs(area - referenceAuc) <= maxAucDifference) return undefined;
  return `the AUC is ${area}, the reference's ${referenceAuc}: allowed is a difference of ${maxAucDifference}`;
}

/**
 * Area under the ROC curve by ranks (Mann and Whitney 1947), where equal scores share their rank.
 * 0.5 where there is no signal or no background.
 */
export function auc(scores: readonly number[], labels: readonly number[]): number {
  const order = scores
    .map((score, at) => ({ score, signal: labels[at] === 1 }))
    .sort((a, b) => a.score - b.score);
  const signals = order.filter(({ signal }) => signal).length;
  const backgrounds = order.length - signals;
  if (signals === 0 || backgrounds === 0) return 0.5;
  let ranks = 0;
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && order[to]?.score === order[from]?.score) to += 1;
    const rank = (from + 1 + to) / 2;
    for (let at = from; at < to; at += 1) if (order[at]?.signal === true) ranks += rank;
    from = to;
  }
  return (ranks - (signals * (signals + 1)) / 2) / (signals * backgrounds);
}
