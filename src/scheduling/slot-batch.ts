/** When do the slots of an instance run? A pure decision, Triton's for its direct strategy. */

export interface SlotRules {
  /** Share of the slots worth running at once, 0 … 1; 0: any. */
  readonly minimumSlotUtilization: number;
  /** Longest wait for that share, ms. */
  readonly maxDelayMs: number;
}

/**
 * @param ready slots with a request that could run together
 * @param slots of the instance, taken or not
 * @param oldestQueuedAt when the oldest of those requests was queued, monotonic ms
 * @returns ms to wait before running them; 0: run now
 */
export function waitForSlots(
  { minimumSlotUtilization, maxDelayMs }: SlotRules,
  ready: number,
  slots: number,
  oldestQueuedAt: number,
  now: number,
): number {
  if (ready >= minimumSlotUtilization * slots) return 0;
  return Math.max(0, maxDelayMs - (now - oldestQueuedAt));
}
