/** The same requests, once each, to a reference: another server, another model, or the same one with a parameter. */
import { Fleet } from "../fleet.ts";
import { Outcome } from "../generator/event-log.ts";
import type { GeneratorOrder } from "../generator/order.ts";
import { pause } from "../measured.ts";
import { joinLooks, type Merged, mergeSnapshots } from "../merge.ts";

const LOOK_MS = 50;
const IN_FLIGHT = 16;
const PATIENCE_MS = 30_000;

export interface ReferenceScores {
  /** By position in the pool; undefined: not answered. */
  readonly scores: readonly (Float32Array | undefined)[];
  /** Why not: how often, by reason. */
  readonly failures: ReadonlyMap<string, number>;
}

/** @param order whose pool is asked, each request once */
export async function referenceScores(
  order: GeneratorOrder,
  signal: AbortSignal,
): Promise<ReferenceScores> {
  const { pool } = order.plan;
  const fleet = await Fleet.start([
    {
      ...order,
      loop: { kind: "closed", concurrency: Math.min(IN_FLIGHT, pool.length) },
      plan: { pool, index: 0, of: 1, most: pool.length },
      answers: { output: "", ...order.answers, most: pool.length },
    },
  ]);
  try {
    await fleet.begin();
    const looks: Merged[] = [];
    for (let exhausted = false; !exhausted && !signal.aborted; ) {
      await pause(LOOK_MS, signal);
      const look = await fleet.look();
      looks.push(look.merged);
      exhausted = look.exhausted;
    }
    const overs = await fleet.end(PATIENCE_MS);
    const { failures } = joinLooks([...looks, mergeSnapshots(overs.map((one) => one.snapshot))]);
    const [over] = overs;
    const events = over?.events;
    const scores: (Float32Array | undefined)[] = Array(pool.length).fill(undefined);
    events?.number.forEach((key, at) => {
      if (events.outcome[at] !== Outcome.good) return;
      const start = events.scoreAt[at] ?? 0;
      scores[key] = events.scores.slice(start, start + (events.scoreCount[at] ?? 0));
    });
    return { scores, failures };
  } finally {
    fleet.close();
  }
}
