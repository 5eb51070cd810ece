/**
 * How much of a limit per second a gateway wants for itself, among several that serve the same tenant. It leases that
 * rate for a moment (a slice) and hands out no more of it; what it does not need, others may have.
 */
export interface SliceView {
  /** Of the tenant, all gateways together, a second. */
  readonly limit: number;
  /** Gateways, this one included. */
  readonly live: number;
  /** What this gateway may hand out now, a second. */
  readonly share: number;
  /** Part of a second's worth of the share that is used up: near 1, clients are being refused. */
  readonly used: number;
  /** What the others want, together. */
  readonly othersWish: number;
}

/** Of an equal part: what a gateway keeps that serves nothing of the tenant, so that its first requests pass. */
const IDLE = 1 / 4;
const SHORT = 0.5;
const AMPLE = 0.1;

/** Twice as much where it is short, half where it has ample; never what takes an equal part from others that need it. */
export function wishOf({ limit, live, share, used, othersWish }: SliceView): number {
  if (live === 1) return limit;
  const equal = limit / live;
  const wanted = used > SHORT ? share * 2 : used > AMPLE ? share : share / 2;
  const most = Math.max(equal, limit - othersWish);
  return Math.min(Math.max(wanted, leastOf(limit, live)), most);
}

export const leastOf = (limit: number, live: number) => (limit / live) * IDLE;
