/** A closed loop: so many requests in flight, in windows, until three of them agree. */
import type { Statistics } from "../drivers/control/control.ts";
import { statisticsBetween } from "../drivers/control/statistics.ts";
import { isStable, WINDOWS } from "../measure/stability.ts";
import type { Fleet } from "./fleet.ts";
import { type Measured, pause, type Watch, windowOf } from "./measured.ts";
import { joinLooks, type Merged } from "./merge.ts";

export interface ClosedSettings {
  readonly label: string;
  readonly warmupMs: number;
  readonly windowMs: number;
  /** Answers of a window, in place of its time. */
  readonly windowAnswers?: number;
  /** 0.1: windows may differ by 10 %. */
  readonly stability: number;
  /** Windows that are tried before it is called unstable. */
  readonly mostWindows: number;
  /** Share whose latency has to be stable; absent: the mean. */
  readonly percentile?: number;
  /** How long answers are waited for at the end. */
  readonly patienceMs: number;
}

/** How often windows that count answers look whether there are enough. */
const COUNT_LOOK_MS = 100;

export async function measureClosed(
  fleet: Fleet,
  settings: ClosedSettings,
  watch: Watch,
): Promise<Measured> {
  const begun = performance.now();
  await fleet.begin();
  await pause(settings.warmupMs, watch.signal);
  await fleet.look(); // warm-up, of no interest
  const looks: Merged[] = [];
  const marks: (Statistics | undefined)[] = [await watch.statistics()];
  const windows: Measured["windows"][number][] = [];
  let stable = false;
  while (looks.length < settings.mostWindows && !stable && !watch.signal.aborted) {
    const look = await oneWindow(fleet, settings, watch);
    looks.push(look);
    marks.push(await watch.statistics());
    windows.push(windowOf(look, settings.percentile));
    stable = isStable(windows, settings.stability);
    watch.progress({
      ...{ phase: "measuring", label: settings.label, look },
      ...{ elapsedMs: performance.now() - begun, totalMs: undefined },
    });
  }
  const overs = await fleet.end(settings.patienceMs);
  const before = marks[Math.max(0, marks.length - 1 - WINDOWS)];
  const after = marks.at(-1);
  const look = joinLooks(looks.slice(-WINDOWS));
  return {
    ...{ look, windows, stable, overs },
    seconds: look.elapsedMs / 1000,
    statistics: before && after && statisticsBetween(before, after),
  };
}

async function oneWindow(fleet: Fleet, settings: ClosedSettings, watch: Watch): Promise<Merged> {
  const { windowAnswers, windowMs } = settings;
  if (windowAnswers === undefined) {
    await pause(windowMs, watch.signal);
    return (await fleet.look()).merged;
  }
  const parts: Merged[] = [];
  let answered = 0;
  while (answered < windowAnswers && !watch.signal.aborted) {
    await pause(COUNT_LOOK_MS, watch.signal);
    const { merged } = await fleet.look();
    parts.push(merged);
    answered += merged.answered;
    for (const failed of merged.failures.values()) answered += failed;
  }
  return joinLooks(parts);
}
