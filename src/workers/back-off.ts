/** How long to wait before a worker that died is started again. */

const FIRST_MS = 100;
const LONGEST_MS = 10_000;
/** A worker that served this long was well: the next death counts as the first. What it took to load its models is not in it. */
const HEALTHY_MS = 1_000;

/**
 * None after the first death, then doubling from 100 ms to 10 s, each shortened
 * by up to a half at random so that workers which died together do not start together.
 */
export function backOffMs(deathsInARow: number, random: number): number {
  if (deathsInARow <= 1) return 0;
  const full = Math.min(FIRST_MS * 2 ** (deathsInARow - 2), LONGEST_MS);
  return full * (1 - random / 2);
}

/** @param servedMs since its models were loaded; 0: they never were */
export function deathsInARow(before: number, servedMs: number): number {
  return servedMs >= HEALTHY_MS ? 1 : before + 1;
}
