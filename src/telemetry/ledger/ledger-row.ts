/** The counters of one tenant, model version and kind of device; only ever grow. */
import type { Device } from "../../../backends/contract.ts";
import {
  NO_USAGE,
  type UsageCounts,
  type UsageKey,
  type UsageLine,
} from "../../inference/usage.ts";

export class LedgerRow {
  readonly key: UsageKey;
  /** One of the devices it is about. */
  readonly #device: Device | undefined;
  requests = 0;
  rows = 0;
  bytesIn = 0;
  bytesOut = 0;
  deviceSeconds = 0;
  joules = 0;
  measuredSeconds = 0;
  readonly refused: Record<string, number> = {};
  /** Changed since it was taken. */
  dirty = false;
  #taken: UsageCounts = NO_USAGE;

  constructor(key: UsageKey, device: Device | undefined) {
    this.key = key;
    this.#device = device;
  }

  isOf(device: Device | undefined, variant: string): boolean {
    if (variant !== this.key.variant) return false;
    const own = this.#device;
    return own === device || (own?.platform === device?.platform && own?.vendor === device?.vendor);
  }

  refuse(reason: string, requests: number): void {
    this.refused[reason] = (this.refused[reason] ?? 0) + requests;
    this.dirty = true;
  }

  /** @param deviceSeconds that are counted already */
  measured(deviceSeconds: number, joules: number): void {
    this.measuredSeconds += deviceSeconds;
    this.joules += joules;
    this.dirty = true;
  }

  get line(): UsageLine {
    const { key, requests, rows, bytesIn, bytesOut, deviceSeconds, measuredSeconds } = this;
    return {
      ...key,
      ...{ requests, rows, bytesIn, bytesOut, deviceSeconds, measuredSeconds },
      joules: measuredSeconds > 0 ? this.joules : null,
      refused: { ...this.refused },
    };
  }

  /** What came since it was called last. */
  take(): UsageLine {
    const { line } = this;
    const before = this.#taken;
    this.#taken = line;
    this.dirty = false;
    const refused = Object.entries(line.refused)
      .map(([reason, count]) => [reason, count - (before.refused[reason] ?? 0)] as const)
      .filter(([, count]) => count > 0);
    const measuredSeconds = line.measuredSeconds - before.measuredSeconds;
    return {
      ...line,
      requests: line.requests - before.requests,
      rows: line.rows - before.rows,
      bytesIn: line.bytesIn - before.bytesIn,
      bytesOut: line.bytesOut - before.bytesOut,
      deviceSeconds: line.deviceSeconds - before.deviceSeconds,
      measuredSeconds,
      joules: measuredSeconds > 0 ? (line.joules ?? 0) - (before.joules ?? 0) : null,
      refused: Object.fromEntries(refused),
    };
  }
}
