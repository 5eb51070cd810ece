/** A load test as a process of a gateway, forked by it (`src/wiring/loadtests/`). */
import { LoadtestExit } from "../exit.ts";
import { loadtest } from "../main.ts";
import type { Result } from "../report/schema.ts";
import type { Progress } from "../runner/measured.ts";
import type { FromAttended, LoadLook, Outcome, ToAttended } from "./words.ts";

/** Between two looks at a load, ms. */
const LOOK_EVERY_MS = 500;

const stop = new AbortController();
const tell = (message: FromAttended) => void process.send?.(message);

process.on("message", (message: ToAttended) => {
  if (message.kind === "stop") stop.abort();
  else void run(message);
});
// The gateway is gone, however it went: so is the load.
process.on("disconnect", () => process.exit(0));
// Ctrl-C in a terminal reaches every process of it; the gateway ends its load in order.
process.on("SIGINT", () => undefined);

async function run({ preset, flags }: Extract<ToAttended, { kind: "run" }>): Promise<void> {
  const toldAt = new Map<string, number>();
  let outcome: Outcome | undefined;
  let code: number;
  try {
    code = await loadtest(preset, flags, {
      out: () => {},
      err: (text) => tell({ kind: "said", text }),
      terminal: false,
      columns: () => 80,
      signal: stop.signal,
      progress: (progress) => {
        const now = performance.now();
        if (now - (toldAt.get(progress.label) ?? Number.NEGATIVE_INFINITY) < LOOK_EVERY_MS) return;
        toldAt.set(progress.label, now);
        tell({ kind: "look", look: lookOf(progress) });
      },
      finished: (result) => {
        outcome = outcomeOf(result);
      },
    });
  } catch (thrown) {
    tell({ kind: "said", text: thrown instanceof Error ? thrown.message : String(thrown) });
    code = LoadtestExit.usage;
  }
  tell({ kind: "over", code, outcome });
  process.disconnect();
}

function lookOf({ label, phase, elapsedMs, totalMs, look }: Progress): LoadLook {
  const seconds = look.elapsedMs / 1000 || 1;
  return {
    ...{ label, phase, elapsedMs, totalMs },
    answeredPerSecond: look.answered / seconds,
    p50Ms: look.latency.quantileMs(0.5),
    p99Ms: look.latency.quantileMs(0.99),
    inFlight: look.inFlight,
    failed: [...look.failures.values()].reduce((sum, count) => sum + count, 0),
    lateShare: look.late / Math.max(1, look.sent),
  };
}

function outcomeOf({ validity, objectives, points, main, emulated }: Result): Outcome {
  const point = points[main];
  const quantile = (share: number) =>
    point?.latency.quantiles.find((one) => Math.abs(one.share - share) < 1e-9)?.ms;
  const missed = objectives.filter(({ met }) => !met).map(({ text }) => text);
  return {
    ...{ valid: validity.valid, missed, emulated },
    answeredPerSecond: point?.answeredPerSecond ?? 0,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    failed: (point?.failures ?? []).reduce((sum, { count }) => sum + count, 0),
  };
}
