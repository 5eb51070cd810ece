/** `--metrics-config <setting>=<value>`: which families of latencies are told. */
import type { WrittenKey } from "./setting.ts";

const KEYS: Readonly<Record<string, string>> = {
  counter_latencies: "metrics.counterLatencies",
  summary_latencies: "metrics.summaryLatencies",
  histogram_latencies: "metrics.histogramLatencies",
  summary_quantiles: "metrics.summaryQuantiles",
};

/** @throws Error that names the settings there are */
export function spreadMetricsConfig(written: string): WrittenKey {
  const equals = written.indexOf("=");
  const setting = written.slice(0, Math.max(0, equals));
  const key = Object.hasOwn(KEYS, setting) ? KEYS[setting] : undefined;
  if (key === undefined) {
    throw new Error(
      `expected <setting>=<value> with a setting of ${Object.keys(KEYS).join(", ")}, got ${written}`,
    );
  }
  return { key, written: written.slice(equals + 1) };
}
