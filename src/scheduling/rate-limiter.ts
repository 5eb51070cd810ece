/**
 * Executions of all models against resources that there are only so many of
 * (Triton's rate limiter). Pure bookkeeping: an instance asks whether it may run,
 * takes, and gives back; those that were refused are told when something was given back.
 *
 * Of two that wait, the one with the smaller product of executions and priority
 * goes first: priority 2 runs half as often as priority 1.
 */
import { StatusError } from "../errors.ts";
import type { Gate } from "../pool/lane.ts";

export interface Resource {
  readonly name: string;
  /** Of the whole server; otherwise of the device. Here there is one device: the CPU. */
  readonly global: boolean;
  readonly count: number;
}

export interface LimitedInstance {
  /** 0 counts as 1, the highest. */
  readonly priority: number;
  readonly resources: readonly Resource[];
}

export interface RateLimiterOptions {
  /** Copies by name; of a resource not among them there are as many as one instance needs at most. */
  readonly available: ReadonlyMap<string, number>;
  /** Calls `fire` after everything that goes on now: who gave back may want to take again first. */
  later(fire: () => void): void;
}

export class RateLimiter {
  readonly #options: RateLimiterOptions;
  readonly #gates = new Set<LimitedGate>();
  readonly #used = new Map<string, number>();
  /** What there is of each resource, as the instances that are loaded have it. */
  #copies: ReadonlyMap<string, number> = new Map();
  #waking = false;

  constructor(options: RateLimiterOptions) {
    this.#options = options;
  }

  /** @throws StatusError INVALID_ARGUMENT, Triton's text, where `instance` could never run. */
  check({ resources }: LimitedInstance): void {
    for (const { name, global, count } of resources) {
      const available = this.#options.available.get(name);
      if (available !== undefined && available < count) {
        throw new StatusError(
          "INVALID_ARGUMENT",
          `Resource count for "${name}" is limited to ${available} which will prevent scheduling of one or more model instances, the minimum required count is ${count}`,
        );
      }
      for (const { instance } of this.#gates) {
        const other = instance.resources.find((resource) => resource.name === name);
        if (other === undefined || other.global === global) continue;
        throw new StatusError(
          "INVALID_ARGUMENT",
          `Resource "${name}" is present as both global and device-specific resource in the model configuration.`,
        );
      }
    }
  }

  /** @param wake called when the instance was refused and may ask again */
  join(instance: LimitedInstance, wake: () => void): Gate {
    const gate = new LimitedGate(instance, wake, this);
    this.#gates.add(gate);
    this.#count();
    return gate;
  }

  leave(gate: LimitedGate): void {
    this.#gates.delete(gate);
    this.#count();
    this.#wakeLater();
  }

  /** False: somebody else comes first, or too much is taken. */
  admits(gate: LimitedGate): boolean {
    for (const other of this.#gates) {
      if (other.waiting && other !== gate && other.scaledPriority < gate.scaledPriority) {
        return false;
      }
    }
    return gate.instance.resources.every(({ name, count }) => {
      const copies = this.#copies.get(name) ?? 0;
      return (this.#used.get(name) ?? 0) + count <= copies;
    });
  }

  take({ resources }: LimitedInstance): void {
    for (const { name, count } of resources) {
      this.#used.set(name, (this.#used.get(name) ?? 0) + count);
    }
  }

  give({ resources }: LimitedInstance): void {
    for (const { name, count } of resources) {
      this.#used.set(name, (this.#used.get(name) ?? 0) - count);
    }
    this.#wakeLater();
  }

  #count(): void {
    const copies = new Map(this.#options.available);
    for (const { instance } of this.#gates) {
      for (const { name, count } of instance.resources) {
        if (this.#options.available.has(name)) continue;
        copies.set(name, Math.max(copies.get(name) ?? 0, count));
      }
    }
    this.#copies = copies;
  }

  #wakeLater(): void {
    if (this.#waking) return;
    this.#waking = true;
    this.#options.later(() => {
      this.#waking = false;
      const waiting = [...this.#gates].filter((gate) => gate.waiting);
      waiting.sort((a, b) => a.scaledPriority - b.scaledPriority);
      // Who has lost interest meanwhile asks no more and stands in nobody's way.
      for (const gate of waiting) gate.waiting = false;
      for (const gate of waiting) gate.wake();
    });
  }
}

class LimitedGate implements Gate {
  readonly instance: LimitedInstance;
  readonly wake: () => void;
  /** Was refused, and not told since to ask again. */
  waiting = false;
  readonly #limiter: RateLimiter;
  #executions = 0;

  constructor(instance: LimitedInstance, wake: () => void, limiter: RateLimiter) {
    this.instance = instance;
    this.wake = wake;
    this.#limiter = limiter;
  }

  get scaledPriority(): number {
    return this.#executions * Math.max(1, this.instance.priority);
  }

  get open(): boolean {
    const admitted = this.#limiter.admits(this);
    this.waiting = !admitted;
    return admitted;
  }

  take(): void {
    this.#executions += 1;
    this.waiting = false;
    this.#limiter.take(this.instance);
  }

  give(): void {
    this.#limiter.give(this.instance);
  }

  leave(): void {
    this.#limiter.leave(this);
  }
}
