/** Numbers that a scenario gives as a distribution. */
import type { Random } from "../../models/make/random.ts";
import type { Spread } from "../scenario/words.ts";

export function drawn(spread: Spread, random: Random): number {
  if (typeof spread === "number") return spread;
  if ("min" in spread) return spread.min + random.integer(spread.max - spread.min + 1);
  if ("mean" in spread) return Math.max(spread.atLeast, random.poisson(spread.mean));
  if ("median" in spread) {
    const value = spread.median * Math.exp(random.normal(0, spread.sigma));
    return Math.max(1, Math.min(spread.most, Math.round(value)));
  }
  return Math.max(1, random.poisson(spread.perCollision * collisions(spread.pileUp, random)));
}

/** Of a crossing that has at least one. */
function collisions(pileUp: number, random: Random): number {
  for (;;) {
    const count = random.poisson(pileUp);
    if (count > 0) return count;
  }
}

export function spreadText(spread: Spread): string {
  if (typeof spread === "number") return String(spread);
  if ("min" in spread) return `${spread.min}-${spread.max}`;
  if ("mean" in spread) return `${spread.mean} on average`;
  if ("median" in spread) return `some ${spread.median} (up to ${spread.most})`;
  return `${spread.perCollision} a collision at pile-up ${spread.pileUp}`;
}
