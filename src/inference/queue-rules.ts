/** How requests of one model wait and join, as its configuration says (Triton's `ModelDynamicBatching`). */

export interface QueuePolicy {
  /** What happens to a request that waited longer than its time-out. */
  readonly timeoutAction: "REJECT" | "DELAY";
  /** 0: no time-out. */
  readonly defaultTimeoutUs: number;
  /** A request's own `timeout` counts where it is smaller than the default. */
  readonly allowTimeoutOverride: boolean;
  /** Most requests waiting at this level; 0: no limit. */
  readonly maxQueueSize: number;
}

export interface QueueRules {
  /** False without a `dynamic_batching` block: every request runs on its own, as in Triton. */
  readonly dynamic: boolean;
  /** Row counts worth closing a batch for, ascending; empty: the batcher learns what pays. */
  readonly preferredRows: readonly number[];
  /** Longest time the oldest request waits for company, ms. */
  readonly maxDelayMs: number;
  readonly preserveOrdering: boolean;
  /** Number of levels; 0: one level for all. Level 1 is served first. */
  readonly priorityLevels: number;
  readonly defaultPriority: number;
  readonly defaultPolicy: QueuePolicy;
  /** By level; levels not named follow `defaultPolicy`. */
  readonly policies: ReadonlyMap<number, QueuePolicy>;
}

export const NO_POLICY: QueuePolicy = {
  timeoutAction: "REJECT",
  defaultTimeoutUs: 0,
  allowTimeoutOverride: false,
  maxQueueSize: 0,
};

export const UNBATCHED: QueueRules = {
  dynamic: false,
  preferredRows: [],
  maxDelayMs: 0,
  preserveOrdering: false,
  priorityLevels: 0,
  defaultPriority: 0,
  defaultPolicy: NO_POLICY,
  policies: new Map(),
};
