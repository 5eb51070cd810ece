/**
 * When does a waiting queue become a batch? A pure decision: no timer, no queue
 * of its own. Asked only when a device could start now. Same rule as Triton's
 * dynamic batcher, which also answers with a time to wait; beyond it, a model
 * without preferred sizes stops growing where measurement says that growing no
 * longer pays (`worthRows`).
 */

export interface BatchingRules {
  /** Most rows in one execution. */
  readonly maxRows: number;
  /** Row counts worth closing a batch for, ascending; empty when nobody named any. */
  readonly preferredRows: readonly number[];
  /** Longest time the oldest request may wait for company, ms. 0: an idle device never waits. */
  readonly maxDelayMs: number;
}

/**
 * What the queue shows the rule. The rows are asked for one request after the other, before what else is said here.
 */
export interface Waiting {
  /** Of the next request that may share the batch, in serving order: at most `maxRows` (validation saw to that); 0: there is none. */
  nextRows(): number;
  /** When the oldest of those that were looked at was queued, monotonic ms. */
  readonly oldestQueuedAt: number;
  /** When these must begin, so that none of them misses its deadline, monotonic ms; absent: they may wait. */
  readonly startBy?: number;
}

/** Take that many requests now (none where none is left), or look again later. */
export type Decision =
  | { readonly take: number; readonly rows: number }
  | { readonly take: 0; readonly waitMs: number };

/** What is known of a batch that was closed, to say why. */
export interface Closed {
  readonly rows: number;
  /** See `decideBatch`. */
  readonly worthRows: number;
  /** How long its oldest request had waited, ms. */
  readonly waitedMs: number;
  /** Requests that could have shared it stayed behind. */
  readonly leftBehind: boolean;
}

/** In words: why `decideBatch` waited for no more. */
export function whyClosed(
  { maxRows, preferredRows, maxDelayMs }: BatchingRules,
  { rows, worthRows, waitedMs, leftBehind }: Closed,
): string {
  if (rows >= maxRows) return "full";
  if (preferredRows.includes(rows)) return "a preferred size was reached";
  if (preferredRows.length === 0 && rows >= worthRows) {
    return `larger batches than ${worthRows} rows cost as much a row, as measured`;
  }
  if (leftBehind) return "the next request did not fit";
  if (maxDelayMs > 0 && waitedMs >= maxDelayMs) {
    return `the oldest request had waited the ${maxDelayMs} ms that it may`;
  }
  return "the device was free and nobody else waited";
}

/** @param worthRows beyond so many rows a larger batch costs as much per row; Infinity while unknown. */
export function decideBatch(
  rules: BatchingRules,
  waiting: Waiting,
  worthRows: number,
  now: number,
): Decision {
  const { preferredRows } = rules;
  const learned = preferredRows.length === 0;
  const limit = learned ? Math.max(1, Math.min(rules.maxRows, worthRows)) : rules.maxRows;
  const largestPreferred = preferredRows.at(-1) ?? 0;
  let rows = 0;
  let fit = 0;
  let preferred = 0;
  let preferredFit = 0;
  let full = false;
  for (let next = waiting.nextRows(); next > 0; next = waiting.nextRows()) {
    // The first always goes: one request may be larger than what is worth joining.
    if (fit > 0 && rows + next > limit) {
      full = true;
      break;
    }
    rows += next;
    fit += 1;
    if (!learned && preferredRows.includes(rows)) [preferred, preferredFit] = [rows, fit];
    if (rows >= limit || (preferred > 0 && rows >= largestPreferred)) {
      full = true;
      break;
    }
  }
  if (preferred > 0) return { take: preferredFit, rows: preferred };
  if (fit === 0) return { take: 0, rows };
  if (full) return { take: fit, rows };
  const { oldestQueuedAt, startBy = Number.POSITIVE_INFINITY } = waiting;
  const waitMs = Math.min(rules.maxDelayMs - (now - oldestQueuedAt), startBy - now);
  if (waitMs <= 0) return { take: fit, rows };
  return { take: 0, waitMs };
}
