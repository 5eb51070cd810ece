/** Several gateways: which one this is, how many there are, and whether what they share can be reached. */
import type { GatewayFacts } from "../inference/gateway-report.ts";
import type { ReadMetric } from "./model-metrics.ts";

export interface SharedStateFigures {
  readonly self: GatewayFacts;
  readonly state: "up" | "degraded" | "down";
  readonly gateways: number;
  readonly commands: number;
  readonly failures: number;
  readonly changesHeard: number;
}

const NUMBERS = [
  ["beamgate_gateways", "gauge", "Gateways of the cluster, as last known", "gateways"],
  ["beamgate_redis_commands_total", "counter", "Commands sent to Redis", "commands"],
  ["beamgate_redis_failures_total", "counter", "Of these, without an answer in time", "failures"],
  [
    "beamgate_registry_changes_heard_total",
    "counter",
    "Changes of the registry that other gateways told of",
    "changesHeard",
  ],
] as const;

/** @param figures undefined: this gateway shares nothing, and nothing is told */
export function clusterMetrics(
  figures: (() => SharedStateFigures) | undefined,
): readonly ReadMetric[] {
  if (figures === undefined) return [];
  return [
    {
      name: "beamgate_gateway_info",
      help: "1; which gateway these counters are of: its id is another one after a restart",
      type: "gauge",
      labels: ["id", "version"],
      *read() {
        const { id, version } = figures().self;
        yield { labels: { id, version }, value: 1 };
      },
    },
    {
      name: "beamgate_redis_state",
      help: "1 for the state that the link to Redis is in",
      type: "gauge",
      labels: ["state"],
      *read() {
        const { state } = figures();
        for (const each of ["up", "degraded", "down"]) {
          yield { labels: { state: each }, value: each === state ? 1 : 0 };
        }
      },
    },
    ...NUMBERS.map(
      ([name, type, help, figure]): ReadMetric => ({
        ...{ name, help, type, labels: [] },
        *read() {
          yield { labels: {}, value: figures()[figure] };
        },
      }),
    ),
  ];
}
