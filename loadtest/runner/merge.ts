/** Counts of several generators, or of several looks, as one. */
import { Latencies } from "../measure/latencies.ts";
import type { Snapshot } from "./generator/tally.ts";

export interface Merged {
  /** The longest: generators run side by side. */
  readonly elapsedMs: number;
  /** Of the busiest process, share of a core. */
  readonly cpuShare: number;
  readonly sent: number;
  readonly answered: number;
  readonly rows: number;
  readonly failures: ReadonlyMap<string, number>;
  readonly late: number;
  readonly held: number;
  readonly dropped: number;
  readonly inFlight: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly latency: Latencies;
  readonly service: Latencies;
  readonly lag: Latencies;
}

/** Looks of the same time from several generators. */
export function mergeSnapshots(snapshots: readonly Snapshot[]): Merged {
  const sum = (of: (snapshot: Snapshot) => number) =>
    snapshots.reduce((total, snapshot) => total + of(snapshot), 0);
  const histogram = (of: (snapshot: Snapshot) => string) => {
    const merged = new Latencies();
    for (const snapshot of snapshots) merged.add(Latencies.decode(of(snapshot)));
    return merged;
  };
  const failures = new Map<string, number>();
  for (const snapshot of snapshots) {
    for (const [reason, count] of Object.entries(snapshot.failures)) {
      failures.set(reason, (failures.get(reason) ?? 0) + count);
    }
  }
  return {
    elapsedMs: Math.max(0, ...snapshots.map(({ elapsedMs }) => elapsedMs)),
    cpuShare: Math.max(
      0,
      ...snapshots.map(({ cpuMs, elapsedMs }) => (elapsedMs > 0 ? cpuMs / elapsedMs : 0)),
    ),
    sent: sum(({ sent }) => sent),
    answered: sum(({ answered }) => answered),
    rows: sum(({ rows }) => rows),
    failures,
    late: sum(({ late }) => late),
    held: sum(({ held }) => held),
    dropped: sum(({ dropped }) => dropped),
    inFlight: sum(({ inFlight }) => inFlight),
    bytesOut: sum(({ bytesOut }) => bytesOut),
    bytesIn: sum(({ bytesIn }) => bytesIn),
    latency: histogram(({ latency }) => latency),
    service: histogram(({ service }) => service),
    lag: histogram(({ lag }) => lag),
  };
}

/** Looks that follow each other. */
export function joinLooks(looks: readonly Merged[]): Merged {
  const sum = (of: (look: Merged) => number) => looks.reduce((total, look) => total + of(look), 0);
  const histogram = (of: (look: Merged) => Latencies) => {
    const joined = new Latencies();
    for (const look of looks) joined.add(of(look));
    return joined;
  };
  const failures = new Map<string, number>();
  for (const look of looks) {
    for (const [reason, count] of look.failures) {
      failures.set(reason, (failures.get(reason) ?? 0) + count);
    }
  }
  const elapsedMs = sum((look) => look.elapsedMs);
  return {
    elapsedMs,
    cpuShare: elapsedMs === 0 ? 0 : sum((look) => look.cpuShare * look.elapsedMs) / elapsedMs,
    sent: sum(({ sent }) => sent),
    answered: sum(({ answered }) => answered),
    rows: sum(({ rows }) => rows),
    failures,
    late: sum(({ late }) => late),
    held: sum(({ held }) => held),
    dropped: sum(({ dropped }) => dropped),
    inFlight: looks.at(-1)?.inFlight ?? 0,
    bytesOut: sum(({ bytesOut }) => bytesOut),
    bytesIn: sum(({ bytesIn }) => bytesIn),
    latency: histogram(({ latency }) => latency),
    service: histogram(({ service }) => service),
    lag: histogram(({ lag }) => lag),
  };
}
