/** Whether a worker has been quiet for too long. Pure: the process' own timer asks. */

export interface WatchLimits {
  /** Longest time of one execution, and of silence of an idle worker. */
  readonly executionTimeoutMs: number;
  /** Longest time of one load; bitstreams and compiling vendors take minutes. */
  readonly loadTimeoutMs: number;
}

export interface WatchedWorker {
  /** When the oldest word without an answer was sent; undefined: none. */
  readonly askedAt: number | undefined;
  /** That word takes no longer than an execution. */
  readonly askIsShort?: boolean;
  /** Since when the oldest run is the oldest; undefined: no run. */
  readonly headSince: number | undefined;
  /** When something was heard last, or the ping sent that is not answered yet; undefined: none under way. */
  readonly pingedAt: number | undefined;
}

export type Verdict = "fine" | "ping" | { readonly killBecause: string };

export function judge(worker: WatchedWorker, limits: WatchLimits, now: number): Verdict {
  const { askedAt, askIsShort = false, headSince, pingedAt } = worker;
  const { executionTimeoutMs, loadTimeoutMs } = limits;
  const longerThan = (since: number, limitMs: number) => now - since > limitMs;
  const silent = pingedAt !== undefined && longerThan(pingedAt, executionTimeoutMs);
  const silence = { killBecause: `it gave no sign of life for ${executionTimeoutMs} ms` };
  // A load keeps the runs behind it waiting; they are not to blame.
  if (askedAt !== undefined) {
    // One that had stopped before it was asked would have all the time of a load.
    if (silent && !askIsShort) return silence;
    const limitMs = askIsShort ? executionTimeoutMs : loadTimeoutMs;
    if (!longerThan(askedAt, limitMs)) return "fine";
    return { killBecause: `a ${askIsShort ? "probe" : "load"} took longer than ${limitMs} ms` };
  }
  if (headSince !== undefined) {
    if (!longerThan(headSince, executionTimeoutMs)) return "fine";
    return { killBecause: `one execution took longer than ${executionTimeoutMs} ms` };
  }
  if (pingedAt === undefined) return "ping";
  return silent ? silence : "fine";
}
