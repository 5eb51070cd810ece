/** Which load flags ask for: a closed loop, an open one, or a search for the highest rate. */
import type { Load } from "../run-spec.ts";
import type { Flags } from "./flags.ts";
import { readRange, UsageError } from "./read-flags.ts";

const DEFAULT_DURATION_S = 20;

export function loadOf(flags: Flags): Load {
  const durationMs = 1000 * (flags.duration ?? DEFAULT_DURATION_S);
  if (flags.capacity === true || flags.binarySearch === true) return capacityOf(flags, durationMs);
  if (flags.requestIntervals !== undefined || flags.replay !== undefined) {
    return { kind: "open", durationMs, rates: [undefined] };
  }
  if (flags.requestRateRange !== undefined) {
    const rates = readRange("--request-rate-range", flags.requestRateRange);
    return { kind: "open", durationMs, rates };
  }
  const counting = flags.measurementMode === "count_windows";
  return {
    kind: "closed",
    concurrencies: readRange("--concurrency-range", flags.concurrencyRange ?? "1").map(Math.round),
    windowMs: flags.measurementInterval ?? (flags.duration === undefined ? 5000 : durationMs / 3),
    ...(counting ? { windowAnswers: flags.measurementRequestCount ?? 50 } : {}),
    stability: (flags.stabilityPercentage ?? 10) / 100,
    mostWindows: flags.maxTrials ?? (flags.duration === undefined ? 10 : 3),
    ...(flags.percentile === undefined ? {} : { percentile: flags.percentile / 100 }),
  };
}

function capacityOf(flags: Flags, durationMs: number): Load {
  const ms = flags.latencyThreshold ?? flags.budget?.[0];
  if (ms === undefined) {
    throw new UsageError("a search for the highest rate needs a budget: -l MS or --budget MS");
  }
  const rates = readRange("--request-rate-range", flags.requestRateRange ?? "100:1000000:999900");
  return {
    kind: "capacity",
    durationMs: flags.duration === undefined ? (flags.measurementInterval ?? 5000) : durationMs,
    budget: { share: (flags.percentile ?? 99) / 100, ms },
    ...{ mostLost: 0.001, precision: 0.05, repeats: flags.repeats ?? 3 },
    ...{ from: rates[0] ?? 100, to: rates.at(-1) ?? 1e6 },
    ...(flags.clientRate === undefined ? {} : { clientPerSecond: flags.clientRate }),
    ...(flags.localMs === undefined ? {} : { localMs: flags.localMs }),
    ...(flags.devices === undefined ? {} : { devices: flags.devices }),
  };
}

/** For a title. */
export function loadText(flags: Flags, load: Load): string {
  switch (load.kind) {
    case "closed":
      return `closed loop, ${load.concurrencies.join(", ")} in flight`;
    case "open": {
      const rates = load.rates.filter((rate) => rate !== undefined);
      if (rates.length === 0) return `open loop by ${flags.replay ?? flags.requestIntervals}`;
      return `open loop, ${flags.requestDistribution ?? "constant"}, ${rates.join(", ")} requests/s`;
    }
    case "together":
      return "each stream by its own loop";
    case "capacity":
      return `highest rate with p${load.budget.share * 100} within ${load.budget.ms} ms`;
  }
}
