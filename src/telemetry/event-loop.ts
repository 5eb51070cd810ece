/** How late the gateway's own event loop runs: the one thing that delays every client at once. */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { ReadMetric } from "./model-metrics.ts";

/** As often the loop is woken to see how late it is: every millisecond took 1.3 % of a core of a gateway that did nothing. */
const RESOLUTION_MS = 10;
const QUANTILES = [0.5, 0.99, 0.999, 1] as const;

export class EventLoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  start(): void {
    this.#histogram.enable();
  }

  stop(): void {
    this.#histogram.disable();
  }

  /** Quantiles since the last scrape, beyond the timer's own resolution, s. */
  metric(): ReadMetric {
    const histogram = this.#histogram;
    return {
      name: "beamgate_event_loop_delay_seconds",
      help: "How late timers of the gateway fired since the last scrape, s",
      type: "gauge",
      labels: ["quantile"],
      *read() {
        for (const quantile of QUANTILES) {
          const lateNs = histogram.percentile(quantile * 100) - RESOLUTION_MS * 1e6;
          const value = Math.max(0, lateNs) / 1e9;
          yield { labels: { quantile: String(quantile) }, value };
        }
        histogram.reset();
      },
    };
  }
}
