/** The gRPC port in numbers: who is connected, what is in flight, how much of the budgets is used. */
import type { ReadMetric } from "./model-metrics.ts";

export interface GrpcNumbers {
  readonly connections: number;
  readonly callsInFlight: number;
  readonly heldBytes: number;
  readonly messagesWaiting: number;
  readonly backlogBytes: number;
  readonly pendingBytes: number;
  /** One for each edge process; none where the gateway speaks with its clients itself. */
  readonly edges: readonly {
    readonly ready: boolean;
    readonly connections: number;
    readonly restarts: number;
  }[];
}

export function grpcMetrics(stats: () => GrpcNumbers): readonly ReadMetric[] {
  const gauge = (name: string, help: string, value: (n: GrpcNumbers) => number): ReadMetric => ({
    name: `beamgate_grpc_${name}`,
    help,
    type: "gauge",
    labels: [],
    read: () => [{ labels: {}, value: value(stats()) }],
  });
  const ofEdges = (
    name: string,
    help: string,
    type: "gauge" | "counter",
    value: (edge: GrpcNumbers["edges"][number]) => number,
  ): ReadMetric => ({
    name: `beamgate_grpc_edge_${name}`,
    help,
    type,
    labels: ["edge"],
    read: () =>
      stats().edges.map((edge, index) => ({ labels: { edge: String(index) }, value: value(edge) })),
  });
  return [
    ofEdges("up", "1: the edge process takes connections", "gauge", (edge) => Number(edge.ready)),
    ofEdges("connections", "Open connections by edge process", "gauge", (e) => e.connections),
    ofEdges(
      "restarts_total",
      "Edge processes that died and were replaced",
      "counter",
      (e) => e.restarts,
    ),
    gauge("connections", "Open connections", (n) => n.connections),
    gauge("calls_in_flight", "Calls begun and not ended", (n) => n.callsInFlight),
    gauge("held_bytes", "Bodies received or being received, bytes", (n) => n.heldBytes),
    gauge("messages_waiting", "Messages held back for want of budget", (n) => n.messagesWaiting),
    gauge("backlog_bytes", "Bytes kept for paused streams", (n) => n.backlogBytes),
    gauge("pending_bytes", "Answers not yet taken by clients, bytes", (n) => n.pendingBytes),
  ];
}
