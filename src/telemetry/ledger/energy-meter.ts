/**
 * Energy of what was used of devices: their power, read at the beginning and at the end of a stretch of time, over the
 * device seconds within it.
 *
 *     reading │◄──────────── 10 s ────────────►│ reading
 *        W₀   │  cms 2 s     atlas 1 s         │   W₁      cms: 2 s × (W₀+W₁)/2
 *
 * Where several run on a device at once there are more device seconds than time has passed: they share the energy of that
 * time. Idle time is nobody's. Nothing is guessed: what was used in a stretch without a reading at both of its ends
 * stays without energy.
 */
import type { Device } from "../../../backends/contract.ts";
import type { Clock } from "../../clock.ts";
import type { LedgerRow } from "./ledger-row.ts";

/** W by id of the device; without those that nobody can measure. Never rejects. @param used in the last stretch */
export type ReadPower = (used: readonly Device[]) => Promise<ReadonlyMap<string, number>>;

export interface EnergyMeterParts {
  readonly power: ReadPower;
  readonly clock: Clock;
}

/** Of a stretch, ms: reading costs a process, and the tools average over about a second themselves. */
const STRETCH_MS = 10_000;
/** One that took longer, because the reading hung, says nothing of the time in between. */
const LONGEST_MS = 3 * STRETCH_MS;
const MS_PER_S = 1000;

interface Used {
  readonly device: Device;
  /** Device seconds. */
  readonly rows: Map<LedgerRow, number>;
}

export class EnergyMeter {
  readonly #parts: EnergyMeterParts;
  #used = new Map<string, Used>();
  /** Since the process began: they are read although they idle, for the beginning of the next stretch. */
  readonly #met = new Map<string, Device>();
  #power: ReadonlyMap<string, number> = new Map();
  #readAt = 0;
  #stopTimer: (() => void) | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(parts: EnergyMeterParts) {
    this.#parts = parts;
  }

  used(row: LedgerRow, device: Device, deviceSeconds: number): void {
    let used = this.#used.get(device.id);
    if (used === undefined) {
      used = { device, rows: new Map() };
      this.#used.set(device.id, used);
      this.#met.set(device.id, device);
    }
    used.rows.set(row, (used.rows.get(row) ?? 0) + deviceSeconds);
  }

  start(): void {
    this.#later();
  }

  /** What was used since the last reading stays without energy. */
  async stop(): Promise<void> {
    this.#stopTimer?.();
    await this.#reading;
  }

  #later(): void {
    this.#stopTimer = this.#parts.clock.after(STRETCH_MS, () => {
      this.#reading = this.#read();
      void this.#reading.then(() => this.#later());
    });
  }

  async #read(): Promise<void> {
    if (this.#met.size === 0) return;
    const power = await this.#parts.power([...this.#met.values()]);
    // What was used while the tool ran belongs to the stretch that ends with its answer.
    const now = this.#parts.clock.now();
    const used = this.#used;
    this.#used = new Map();
    const passedMs = now - this.#readAt;
    if (passedMs <= LONGEST_MS) this.#part(used, power, passedMs / MS_PER_S);
    this.#power = power;
    this.#readAt = now;
  }

  #part(
    used: ReadonlyMap<string, Used>,
    power: ReadonlyMap<string, number>,
    passedSeconds: number,
  ): void {
    for (const [id, { rows }] of used) {
      const [before, after] = [this.#power.get(id), power.get(id)];
      if (before === undefined || after === undefined) continue;
      let deviceSeconds = 0;
      for (const seconds of rows.values()) deviceSeconds += seconds;
      const watts = (before + after) / 2;
      const shared = Math.min(1, passedSeconds / deviceSeconds);
      for (const [row, seconds] of rows) row.measured(seconds, watts * seconds * shared);
    }
  }
}
