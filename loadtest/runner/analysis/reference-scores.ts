/** The same requests, once each, to a reference: another server, another model, or the same one with a parameter. */
import { Fleet } from "../fleet.ts";
import { Outcome } from "../generator/event-log.ts";
import type { GeneratorOrder } from "../generator/order.ts";
import { pause } from "../measured.ts";

const LOOK_MS = 50;
const IN_FLIGHT = 16;
const PATIENCE_MS = 30_000;

/** @param order whose pool is asked, each request once. @returns scores by position in the pool */
export async function referenceScores(
  order: GeneratorOrder,
  signal: AbortSignal,
): Promise<readonly (Float32Array | undefined)[]> {
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
    while (!(await fleet.look()).exhausted && !signal.aborted) await pause(LOOK_MS, signal);
    const [over] = await fleet.end(PATIENCE_MS);
    const events = over?.events;
    const scores: (Float32Array | undefined)[] = Array(pool.length).fill(undefined);
    events?.number.forEach((key, at) => {
      if (events.outcome[at] !== Outcome.good) return;
      const start = events.scoreAt[at] ?? 0;
      scores[key] = events.scores.slice(start, start + (events.scoreCount[at] ?? 0));
    });
    return scores;
  } finally {
    fleet.close();
  }
}
