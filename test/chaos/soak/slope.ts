/** The straight line through samples of memory, by least squares. */

export interface Slope {
  /** Bytes an hour. */
  readonly slope: number;
  /** Its standard error, of samples whose errors do not know of each other. */
  readonly error: number;
}

export function slopePerHour(
  samples: readonly { readonly atMs: number; readonly bytes: number }[],
): Slope {
  const n = samples.length;
  if (n < 3) return { slope: 0, error: Number.POSITIVE_INFINITY };
  const hours = samples.map(({ atMs }) => atMs / 3_600_000);
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / n;
  const x = mean(hours);
  const y = mean(samples.map(({ bytes }) => bytes));
  let xx = 0;
  let xy = 0;
  for (const [at, { bytes }] of samples.entries()) {
    const dx = (hours[at] ?? x) - x;
    xx += dx * dx;
    xy += dx * (bytes - y);
  }
  const slope = xy / xx;
  let rest = 0;
  for (const [at, { bytes }] of samples.entries()) {
    rest += (bytes - y - slope * ((hours[at] ?? x) - x)) ** 2;
  }
  return { slope, error: Math.sqrt(rest / (n - 2) / xx) };
}
