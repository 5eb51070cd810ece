/** An open loop: requests go when they are due, whatever the server does. */
import { statisticsBetween } from "../drivers/control/statistics.ts";
import type { Fleet } from "./fleet.ts";
import { type Measured, pause, type Watch, windowOf } from "./measured.ts";
import { joinLooks, type Merged, mergeSnapshots } from "./merge.ts";

export interface OpenSettings {
  readonly label: string;
  readonly warmupMs: number;
  /** Measured time, after the warm-up. */
  readonly durationMs: number;
  /** How long answers are waited for at the end. */
  readonly patienceMs: number;
}

const LOOK_MS = 1000;
/** How long after the end the last requests may be sent, and how often it is looked whether they were. */
const BEHIND_MS = 1000;
const BEHIND_LOOK_MS = 50;

export async function measureOpen(
  fleet: Fleet,
  settings: OpenSettings,
  watch: Watch,
): Promise<Measured> {
  const { warmupMs, durationMs, label } = settings;
  await fleet.begin();
  const begun = performance.now();
  await pause(warmupMs, watch.signal);
  // Of the warm-up, in which nothing counts: it belongs to no window, and its work is not the measurement's.
  const { merged: warm } = await fleet.look();
  const before = await watch.statistics();
  const totalMs = warmupMs + durationMs;
  const looks: Merged[] = [];
  /** After the end: no windows, but their answers count. */
  const behind: Merged[] = [];
  for (;;) {
    const elapsed = performance.now() - begun;
    const left = elapsed < totalMs ? totalMs - elapsed : BEHIND_LOOK_MS;
    await pause(Math.max(1, Math.min(LOOK_MS, left)), watch.signal);
    const { merged, exhausted } = await fleet.look();
    if (elapsed < totalMs) looks.push(merged);
    else behind.push(merged);
    const elapsedMs = performance.now() - begun;
    watch.progress({ phase: "measuring", label, elapsedMs, totalMs, look: merged });
    if (exhausted || watch.signal.aborted) break;
    // A generator that is behind may still send the last ones, late; what it does not send is counted as dropped.
    if (elapsedMs >= totalMs + BEHIND_MS) break;
  }
  const measuredMs = Math.min(durationMs, performance.now() - begun - warmupMs);
  const overs = await fleet.end(settings.patienceMs);
  const last = mergeSnapshots(overs.map(({ snapshot }) => snapshot));
  const after = await watch.statistics();
  // What came while the last answers were waited for counts; the processor had little to do then.
  const look = {
    ...joinLooks([warm, ...looks, ...behind, last]),
    cpuShare: joinLooks(looks).cpuShare,
  };
  return {
    look,
    seconds: measuredMs / 1000,
    windows: looks.map((one) => windowOf(one)),
    statistics: before && after && statisticsBetween(before, after),
    overs,
  };
}
