/** Artifacts that compute live requests once more: how far their answers are from those that clients got. */
import type { ReadMetric } from "./model-metrics.ts";

/** Of one artifact. */
export interface ShadowFigures {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly rows: number;
  readonly failingRows: number;
  readonly decisionFlips: number;
  readonly droppedRows: number;
  readonly failedRows: number;
  readonly demotions: number;
  readonly deviceUs: number;
  readonly gatewayUs: number;
  readonly errors: ReadonlyMap<
    string,
    { readonly unit: string; readonly edges: readonly number[]; readonly counts: readonly number[] }
  >;
}

const LABELS = ["model", "version", "variant"] as const;

type Figure = Exclude<keyof ShadowFigures, (typeof LABELS)[number] | "errors">;

const COUNTERS: readonly (readonly [string, string, Figure, number])[] = [
  ["rows_total", "Rows of live requests computed once more and compared", "rows", 1],
  ["failing_rows_total", "Of these, rows outside the class of the artifact", "failingRows", 1],
  ["decision_flips_total", "Of these, rows decided otherwise (class physics)", "decisionFlips", 1],
  ["dropped_rows_total", "Rows sampled and dropped: too many waited", "droppedRows", 1],
  ["failed_rows_total", "Rows that could not be computed once more", "failedRows", 1],
  ["demotions_total", "Times the artifact left its class and was demoted", "demotions", 1],
  ["device_seconds_total", "Time of executions on devices that were idle, s", "deviceUs", 1e-6],
  ["gateway_seconds_total", "Time of the gateway to copy and compare, s", "gatewayUs", 1e-6],
];

export function shadowMetrics(all: () => Iterable<ShadowFigures>): readonly ReadMetric[] {
  return [
    ...COUNTERS.map(
      ([name, help, figure, unit]): ReadMetric => ({
        name: `beamgate_shadow_${name}`,
        help,
        type: "counter",
        labels: LABELS,
        *read() {
          for (const its of all()) yield { labels: labelsOf(its), value: its[figure] * unit };
        },
      }),
    ),
    {
      name: "beamgate_shadow_error_elements_total",
      help: "Elements whose error is at most le, in the unit of the class (ulp, lsb or abs)",
      type: "counter",
      labels: [...LABELS, "unit", "le"],
      *read() {
        for (const its of all()) {
          for (const { unit, edges, counts } of its.errors.values()) {
            let value = 0;
            for (const [at, count] of counts.entries()) {
              value += count;
              const le = String(edges[at] ?? "+Inf");
              yield { labels: { ...labelsOf(its), unit, le }, value };
            }
          }
        }
      },
    },
  ];
}

const labelsOf = ({ model, version, variant }: ShadowFigures) => ({ model, version, variant });
