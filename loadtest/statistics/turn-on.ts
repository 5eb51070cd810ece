/** Efficiency of a trigger against the truth, bin by bin, and the curve through it. */
import { clopperPearson, type Interval } from "./intervals.ts";
import { minimise } from "./minimise.ts";

export interface TurnOnBin extends Interval {
  readonly from: number;
  readonly to: number;
  readonly events: number;
  readonly accepted: number;
}

/** 0.5 p (1 + erf((x - x0) / (sqrt 2 s))): how experiments quote a turn-on. */
export interface TurnOnFit {
  readonly plateau: number;
  /** Half of the plateau is reached here. */
  readonly halfAt: number;
  /** Sigma of the resolution that smears the edge. */
  readonly width: number;
}

/**
 * @param values the truth variable of each event that is signal
 * @param accepted 1 where the trigger said yes
 * @param edges of the bins, rising; values outside are left out, the last edge counts as inside
 */
export function turnOn(
  values: Float64Array,
  accepted: Uint8Array,
  edges: readonly number[],
): TurnOnBin[] {
  const bins = edges.slice(1).map((to, at) => {
    return { from: edges[at] as number, to, events: 0, accepted: 0 };
  });
  for (const [at, value] of values.entries()) {
    const last = bins.length - 1;
    const found = bins.findIndex(
      ({ from, to }, bin) => value >= from && (value < to || (bin === last && value === to)),
    );
    const bin = bins[found];
    if (bin === undefined) continue;
    bin.events += 1;
    bin.accepted += accepted[at] as number;
  }
  return bins.map((bin) => ({ ...bin, ...clopperPearson(bin.accepted, bin.events) }));
}

/** Edges that put as many values into each bin; of equal values some may fall together. */
export function evenBins(values: Float64Array, bins: number): number[] {
  if (values.length === 0) return [];
  const sorted = values.slice().sort();
  const edges = Array.from({ length: bins + 1 }, (_, at) => {
    return sorted[Math.min(sorted.length - 1, Math.round((at * sorted.length) / bins))] as number;
  });
  return [...new Set(edges)];
}

/** Maximum likelihood on the bins. @returns undefined with fewer than four bins, or where nothing was accepted */
export function fitTurnOn(bins: readonly TurnOnBin[]): TurnOnFit | undefined {
  const filled = bins.filter(({ events }) => events > 0);
  if (filled.length < 4 || filled.every(({ accepted }) => accepted === 0)) return undefined;
  const centre = ({ from, to }: TurnOnBin) => (from + to) / 2;
  const span = centre(filled.at(-1) as TurnOnBin) - centre(filled[0] as TurnOnBin);
  const efficiency = (x: number, [plateau = 0, halfAt = 0, logWidth = 0]: readonly number[]) =>
    0.5 * plateau * (1 + erf((x - halfAt) / (Math.SQRT2 * Math.exp(logWidth))));
  const misfit = (parameters: readonly number[]) => {
    const [plateau = 0, , logWidth = 0] = parameters;
    // A width far below the bins' or beyond the range says nothing.
    const outside =
      Math.max(0, plateau - 1) +
      Math.max(0, -plateau) +
      Math.max(0, Math.log(span / 1e4) - logWidth) +
      Math.max(0, logWidth - Math.log(10 * span));
    return filled.reduce((sum, bin) => {
      const p = Math.min(1 - 1e-9, Math.max(1e-9, efficiency(centre(bin), parameters)));
      return sum - bin.accepted * Math.log(p) - (bin.events - bin.accepted) * Math.log1p(-p);
    }, 1e6 * outside);
  };
  const top = Math.max(...filled.map(({ value }) => value));
  const half = filled.find(({ value }) => value >= top / 2) as TurnOnBin;
  const start = [Math.min(1, top), centre(half), Math.log(span / 10)];
  const [plateau = 0, halfAt = 0, logWidth = 0] = minimise(misfit, start, [0.05, span / 10, 0.7]);
  return { plateau: Math.min(1, plateau), halfAt, width: Math.exp(logWidth) };
}

/** Abramowitz and Stegun 7.1.26: good to 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const polynomial =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const value = 1 - polynomial * Math.exp(-x * x);
  return x < 0 ? -value : value;
}
