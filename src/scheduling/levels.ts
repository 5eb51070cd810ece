/**
 * What the queue policies of a model say of a request that begins to wait: its priority level, when its time-out
 * passes, whether there is room for it. One for all tenants of the model.
 */
import { StatusError, withoutStack } from "../errors.ts";
import { NO_POLICY, type QueuePolicy, type QueueRules } from "../inference/queue-rules.ts";
import type { InferCall, InferRequest } from "../inference/request.ts";
import { dueAt } from "../policy/deadline/deadline.ts";
import { type Entry, newEntry } from "./entry.ts";

export class Levels {
  readonly count: number;
  /** Some level has a time-out. */
  readonly timeouts: boolean;
  readonly #rules: QueueRules;
  readonly #policies: readonly QueuePolicy[];

  constructor(rules: QueueRules) {
    this.#rules = rules;
    this.count = Math.max(1, rules.priorityLevels);
    this.#policies = Array.from({ length: this.count }, (_, level) => {
      const policy = rules.priorityLevels > 0 ? rules.policies.get(level + 1) : undefined;
      return policy ?? rules.defaultPolicy;
    });
    this.timeouts = this.#policies.some(({ defaultTimeoutUs }) => defaultTimeoutUs > 0);
  }

  /** Requests share batches. */
  get dynamic(): boolean {
    return this.#rules.dynamic;
  }

  /** Index of the level, 0 first. @param priority as asked for; 0 and levels that do not exist mean the default */
  of(priority: number): number {
    const { priorityLevels, defaultPriority } = this.#rules;
    if (priorityLevels === 0) return 0;
    const asked = priority === 0 || priority > priorityLevels ? defaultPriority : priority;
    return Math.max(0, asked - 1);
  }

  /** A request that waits from now on, in no queue yet. @param now monotonic ms */
  entry(request: InferRequest, call: InferCall, now: number): Entry {
    const entry = newEntry(request, call, now);
    const level = this.of(request.priority);
    entry.level = level;
    const timeoutUs = this.timeouts ? timeoutOf(this.#policyOf(level), request.timeoutUs) : 0;
    if (timeoutUs > 0) entry.expiresAt = now + timeoutUs / 1000;
    if (!this.#rules.preserveOrdering) entry.dueAt = dueAt(entry.deadline, entry.queuedAt);
    return entry;
  }

  /**
   * @param waiting requests of its tenant that wait at its level
   * @throws StatusError UNAVAILABLE when the level holds as many as its policy allows.
   */
  requireRoom({ level, request }: Entry, waiting: number): void {
    const { maxQueueSize } = this.#policyOf(level);
    if (maxQueueSize === 0 || waiting < maxQueueSize) return;
    const id = request.id === "" ? "<id_unknown>" : request.id;
    const text = `[request id: ${id}] Exceeds maximum queue size`;
    throw withoutStack(() => new StatusError("UNAVAILABLE", text));
  }

  /**
   * Its time-out has passed. @returns true: it stays, behind the others of its level
   */
  delays(entry: Entry): boolean {
    if (this.#policyOf(entry.level).timeoutAction !== "DELAY") return false;
    entry.delayed = true;
    entry.expiresAt = Number.POSITIVE_INFINITY;
    return true;
  }

  #policyOf(level: number): QueuePolicy {
    return this.#policies[level] ?? NO_POLICY;
  }
}

/** Triton: a request's own time-out counts only where allowed, and only to shorten a default that exists. */
function timeoutOf(policy: QueuePolicy, requestedUs: number): number {
  const { defaultTimeoutUs, allowTimeoutOverride } = policy;
  const shortens = allowTimeoutOverride && requestedUs > 0 && requestedUs < defaultTimeoutUs;
  return shortens ? requestedUs : defaultTimeoutUs;
}
