/** The table that `perf_analyzer -f` writes, for what reads that: µs, sorted by throughput. */
import { Latencies } from "../measure/latencies.ts";
import { percentileName } from "./format.ts";
import type { Point } from "./schema.ts";

const PERCENTILES = [0.5, 0.9, 0.95, 0.99];
const COLUMNS = [
  ...["Inferences/Second", "Client Send", "Network+Server Send/Recv", "Server Queue"],
  ...["Server Compute Input", "Server Compute Infer", "Server Compute Output", "Client Recv"],
];

/**
 * Columns of the server are 0 where it told nothing, as perf_analyzer writes them.
 * Its client's own times of sending and receiving are within the network's here.
 * @param percentile a further one that the run was judged by
 */
export function perfAnalyzerCsv(points: readonly Point[], percentile?: number): string {
  const closed = points.every(({ concurrency }) => concurrency !== undefined);
  const more = percentile === undefined || PERCENTILES.includes(percentile) ? [] : [percentile];
  const shares = [...PERCENTILES, ...more].sort((a, b) => a - b);
  const head = [
    closed ? "Concurrency" : "Request Rate",
    ...COLUMNS,
    ...shares.map((share) => `${percentileName(share)} latency`),
  ];
  const rows = [...points]
    .sort((a, b) => a.rowsPerSecond - b.rowsPerSecond)
    .map((point) => {
      const { split } = point;
      const latencies = Latencies.decode(point.latency.histogram);
      const us = (ms: number) => String(Math.round(Math.max(0, ms) * 1000));
      return [
        closed ? String(point.concurrency) : point.offeredPerSecond.toFixed(2),
        point.rowsPerSecond.toFixed(4),
        "0",
        us(split === undefined ? point.service.meanMs : split.networkMs + split.serverOverheadMs),
        ...(["queueMs", "computeInputMs", "computeInferMs", "computeOutputMs"] as const).map(
          (part) => us(split?.[part] ?? 0),
        ),
        "0",
        ...shares.map((share) => us(latencies.quantileMs(share))),
      ];
    });
  return `${[head, ...rows].map((row) => row.join(",")).join("\n")}\n`;
}
