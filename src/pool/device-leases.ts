/** Leases of devices that hold many models at once (GPUs, far servers); boards keep their own. */
import type { Clock } from "../clock.ts";
import type { Lease } from "./lease.ts";

/** Told of a device whose lease began or ended. Resolves when what may not run there any more has left. */
export type LeaseWatcher = (device: string) => Promise<void>;

interface Kept {
  readonly lease: Lease;
  readonly stopTimer: () => void;
}

export class DeviceLeases {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #watchers = new Set<LeaseWatcher>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(device: string): Lease | undefined {
    return this.#kept.get(device)?.lease;
  }

  /**
   * Another lease to the same takes its place. Resolves when nothing of others runs there.
   * @returns who has it already; undefined: it is theirs now
   */
  async lease(device: string, lease: Lease): Promise<string | undefined> {
    const kept = this.#kept.get(device);
    if (kept !== undefined && kept.lease.to !== lease.to) return kept.lease.to;
    kept?.stopTimer();
    const leftMs = Math.max(0, lease.untilMs - this.#clock.now());
    const stopTimer = this.#clock.after(leftMs, () => this.release(device));
    this.#kept.set(device, { lease, stopTimer });
    await this.#tell(device);
    return undefined;
  }

  release(device: string): void {
    const kept = this.#kept.get(device);
    if (kept === undefined) return;
    kept.stopTimer();
    this.#kept.delete(device);
    void this.#tell(device);
  }

  /** @returns what ends it */
  watch(watcher: LeaseWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  close(): void {
    for (const { stopTimer } of this.#kept.values()) stopTimer();
    this.#kept.clear();
  }

  async #tell(device: string): Promise<void> {
    await Promise.allSettled([...this.#watchers].map((watcher) => watcher(device)));
  }
}
