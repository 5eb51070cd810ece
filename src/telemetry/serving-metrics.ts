/** What serves and how long one would wait for it: for autoscalers, and for who watches a rollout. */
import type { ReadMetric } from "./exposition/families.ts";

export interface QueueFigures {
  readonly model: string;
  readonly version: string;
  /** undefined: nobody can tell. */
  readonly secondsAhead: number | undefined;
}

export interface AliasFigures {
  readonly model: string;
  readonly alias: string;
  readonly version: string;
  /** Of the requests that name no version, 0 to 1. */
  readonly share: number;
}

export function servingMetrics(
  queues: () => Iterable<QueueFigures>,
  aliases: () => Iterable<AliasFigures>,
): readonly ReadMetric[] {
  return [
    {
      name: "beamgate_queue_seconds_ahead",
      help: "Time that a request which came now would wait, by what waits and what batches cost, s",
      type: "gauge",
      labels: ["model", "version"],
      *read() {
        for (const { model, version, secondsAhead } of queues()) {
          if (secondsAhead !== undefined) yield { labels: { model, version }, value: secondsAhead };
        }
      },
    },
    {
      name: "beamgate_alias_share",
      help: "Part of the requests without a version that the version behind an alias gets",
      type: "gauge",
      labels: ["model", "alias", "version"],
      *read() {
        for (const { model, alias, version, share } of aliases()) {
          yield { labels: { model, alias, version }, value: share };
        }
      },
    },
  ];
}

/** Of one model: `candidate` gets its weight, `production` the rest; others get what names them. */
export function aliasFigures(
  model: string,
  aliases: Readonly<Record<string, { readonly version: string; readonly weight?: number }>>,
): AliasFigures[] {
  const candidate = aliases["candidate"]?.weight ?? 0;
  return Object.entries(aliases).map(([alias, { version }]) => {
    const share = alias === "production" ? 1 - candidate : alias === "candidate" ? candidate : 0;
    return { model, alias, version, share };
  });
}
