/** Where a function of few numbers is smallest: the simplex of Nelder and Mead (Comput. J. 7, 1965). */

interface Corner {
  readonly at: readonly number[];
  readonly value: number;
}

/** @param steps how far the first simplex reaches in each number */
export function minimise(
  of: (at: readonly number[]) => number,
  start: readonly number[],
  steps: readonly number[],
): readonly number[] {
  const corner = (at: readonly number[]): Corner => ({ at, value: of(at) });
  const simplex = [
    corner(start),
    ...start.map((_, axis) => corner(start.map((x, i) => (i === axis ? x + (steps[i] ?? 1) : x)))),
  ];
  for (let round = 0; round < 400 * start.length; round++) {
    simplex.sort((a, b) => a.value - b.value);
    const best = simplex[0] as Corner;
    const worst = simplex.at(-1) as Corner;
    if (worst.value - best.value <= 1e-10 * (Math.abs(best.value) + 1e-10)) break;
    const others = simplex.slice(0, -1);
    const centre = start.map((_, i) => mean(others.map(({ at }) => at[i] as number)));
    const along = (factor: number) =>
      corner(centre.map((x, i) => x + factor * ((worst.at[i] as number) - x)));
    const mirrored = along(-1);
    let next = mirrored;
    if (mirrored.value < best.value) {
      const farther = along(-2);
      if (farther.value < mirrored.value) next = farther;
    } else if (mirrored.value >= (others.at(-1) as Corner).value) {
      next = along(mirrored.value < worst.value ? -0.5 : 0.5);
    }
    if (next.value < worst.value) simplex[simplex.length - 1] = next;
    else {
      for (const [i, { at }] of simplex.entries()) {
        if (i > 0) simplex[i] = corner(at.map((x, k) => (x + (best.at[k] as number)) / 2));
      }
    }
  }
  return simplex.reduce((a, b) => (b.value < a.value ? b : a)).at;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
