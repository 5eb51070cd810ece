/** How tenants that want the same devices divide their time. */

export interface Terms {
  readonly weight: number;
  readonly guarantee: number;
}

/** Least part of a tenant that is promised nothing while others' guarantees take everything: see `ShareClock`. */
const LEAST_PART = 0.005;

/** Each has its guarantee, and of what the guarantees leave, by weight (0: nothing): in their order, 1 together. */
export function partsOf(tenants: readonly Terms[]): number[] {
  const weights = sum(tenants.map(({ weight }) => weight));
  const rest = Math.max(0, 1 - sum(tenants.map(({ guarantee }) => guarantee)));
  const parts = tenants.map(({ weight, guarantee }) =>
    Math.max(LEAST_PART, guarantee + (weights === 0 ? 0 : (rest * weight) / weights)),
  );
  const all = sum(parts);
  return parts.map((part) => part / all);
}

const sum = (values: readonly number[]) => values.reduce((total, each) => total + each, 0);
