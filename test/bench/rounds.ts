/**
 * Ratios that hold on a noisy machine: in each round the control runs between
 * two runs of the subject, so that a drift of the machine hits both; the two
 * runs of the subject, which should be equal, show the noise (the A/A pair).
 */

export interface Round<S, C> {
  readonly subject: readonly [S, S];
  readonly control: C;
}

export async function interleaved<S, C>(
  rounds: number,
  subject: () => Promise<S>,
  control: () => Promise<C>,
): Promise<Round<S, C>[]> {
  const done: Round<S, C>[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = await subject();
    const between = await control();
    done.push({ subject: [before, await subject()], control: between });
  }
  return done;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Ratios {
  /** Mean of the round's two subject values over its control's. */
  readonly ratio: Spread;
  /** Second subject value over the first. */
  readonly noise: Spread;
}

export function ratiosOf(
  rounds: readonly { readonly subject: readonly [number, number]; readonly control: number }[],
): Ratios {
  return {
    ratio: spread(rounds.map(({ subject: [a, b], control }) => (a + b) / 2 / control)),
    noise: spread(rounds.map(({ subject: [a, b] }) => b / a)),
  };
}

/** @throws RangeError without values. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)];
  const high = sorted[Math.ceil(middle)];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (low === undefined || high === undefined || min === undefined || max === undefined) {
    throw new RangeError("the spread of no values");
  }
  return { median: (low + high) / 2, min, max };
}

export function median(values: readonly number[]): number {
  return spread(values).median;
}
