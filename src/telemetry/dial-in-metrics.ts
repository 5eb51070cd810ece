/** Places for servers that dial in: who stands on them, and for how long still. */
import type { ReadMetric } from "./model-metrics.ts";

/** Of one place. */
export interface PlaceFigures {
  readonly place: string;
  readonly state: "vacant" | "joined" | "leaving";
  /** Infinity: it did not say. */
  readonly remainingSeconds: number;
}

const STATES: readonly PlaceFigures["state"][] = ["vacant", "joined", "leaving"];

export function dialInMetrics(places: () => readonly PlaceFigures[]): readonly ReadMetric[] {
  return [
    {
      name: "beamgate_dial_in_place",
      help: "1 in the state that a place for a server that dials in is in",
      type: "gauge",
      labels: ["place", "state"],
      *read() {
        for (const { place, state } of places()) {
          for (const one of STATES) {
            yield { labels: { place, state: one }, value: one === state ? 1 : 0 };
          }
        }
      },
    },
    {
      name: "beamgate_dial_in_remaining_seconds",
      help: "Time until the batch job of the server on a place ends, where it has said so",
      type: "gauge",
      labels: ["place"],
      *read() {
        for (const { place, remainingSeconds: value } of places()) {
          if (Number.isFinite(value)) yield { labels: { place }, value };
        }
      },
    },
  ];
}
