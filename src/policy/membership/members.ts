/**
 * Which gateways count. A list that lacks one is believed when it was so for the time to live: a Redis that was
 * emptied or restarted has forgotten those that have not announced themselves again yet.
 */
import type { GatewayFacts } from "../../inference/gateway-report.ts";

export interface Member {
  readonly facts: GatewayFacts;
  /** Since when lists lack it, monotonic ms. */
  readonly absentSince?: number;
}

export type Members = ReadonlyMap<string, Member>;

/** @param now monotonic ms */
export function afterList(
  known: Members,
  listed: readonly GatewayFacts[],
  now: number,
  ttlMs: number,
): Members {
  const next = new Map(listed.map((facts) => [facts.id, { facts }]) satisfies [string, Member][]);
  for (const [id, { facts, absentSince = now }] of known) {
    if (next.has(id) || now - absentSince >= ttlMs) continue;
    next.set(id, { facts, absentSince } as Member);
  }
  return next;
}

/** Nothing is known of anybody's absence any more: the time without Redis does not count. */
export function afterOutage(known: Members): Members {
  return new Map([...known].map(([id, { facts }]) => [id, { facts }]));
}
