/** `/metrics` of 200 models and 20 tenants whose counters all move between two scrapes. */
import { runNode } from "../child.ts";
import type { BenchResult } from "../result.ts";
import { median, spread } from "../rounds.ts";
import type { Setting } from "../setting.ts";

const GOAL_MS = 50;
const STALL_GOAL_MS = 10;

interface Scraped {
  readonly tookMs: readonly number[];
  /** Of server and client together. */
  readonly cpuMs: readonly number[];
  /** Longest time in which no timer fired during each scrape, beyond the timer's own. */
  readonly stalledMs: readonly number[];
  readonly bytes: number;
}

export async function scrape({ pace }: Setting): Promise<BenchResult> {
  const turns = String(pace.rounds * 5);
  const program = "test/bench/processes/scrape-server.js";
  const { tookMs, cpuMs, stalledMs, bytes } = await runNode<Scraped>(program, [turns]);
  const took = spread(tookMs);
  return {
    name: "scrape",
    measures: "a scrape of 200 models × 20 tenants, median, ms",
    value: took.median,
    spread: took,
    goal: { kind: "at most", value: GOAL_MS },
    figures: {
      [`stall ms, median (goal ${STALL_GOAL_MS})`]: median(stalledMs),
      "stall ms, longest": Math.max(...stalledMs),
      "CPU ms, of the scraper too": median(cpuMs),
      "page MB": bytes / 1e6,
    },
    errors: {},
  };
}
