/**
 * A variant on devices that hold many models at once (far servers, GPUs): an instance on each, with a
 * breaker. A device that does not take the variant is tried again and again; the others serve meanwhile.
 */
import { BackendError, type Device } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Instance } from "../workers/types.ts";
import { type BreakerSettings, DeviceBreaker } from "./breaker.ts";
import type { DeviceLeases } from "./device-leases.ts";
import type { Lane } from "./lane.ts";
import { lends } from "./lease.ts";
import type { Pool } from "./pool.ts";

export interface DeviceLanesParts {
  /** For the log. */
  readonly model: string;
  readonly devices: readonly Device[];
  readonly pool: Pool;
  readonly breaker: BreakerSettings;
  readonly clock: Clock;
  readonly log: Logger;
  load(device: Device, signal: AbortSignal): Promise<Instance>;
  /** Tells the id of a device that has just come, so that it is tried at once. @returns what ends that */
  readonly watchArrivals?: WatchArrivals | undefined;
  /** Devices that are somebody's for a time; absent: none ever is. */
  readonly leases?: DeviceLeases | undefined;
}

export type WatchArrivals = (arrived: (device: string) => void) => () => void;

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

export class DeviceLanes {
  readonly #parts: DeviceLanesParts;
  readonly #closing = new AbortController();
  /** By device. */
  readonly #lanes = new Map<string, { readonly lane: Lane; readonly breaker: DeviceBreaker }>();
  /** Why a device does not take it, by its id; those that do are not listed. */
  readonly #refusals = new Map<string, string>();
  readonly #retries = new Map<string, () => void>();
  readonly #loading = new Set<Promise<void>>();
  readonly #watchNoMore: (() => void) | undefined;
  readonly #followNoMore: (() => void) | undefined;

  constructor(parts: DeviceLanesParts) {
    this.#parts = parts;
    this.#watchNoMore = parts.watchArrivals?.((device) => this.#arrived(device));
    this.#followNoMore = parts.leases?.watch((device) => this.#leaseChanged(device));
  }

  /**
   * Resolves when every device was tried. Where none took it, but some may later, it resolves as well:
   * `trouble` says why nothing serves.
   * @throws the first reason, where all refused it for good
   */
  async enter(signal: AbortSignal): Promise<void> {
    const both = AbortSignal.any([signal, this.#closing.signal]);
    const { devices, pool } = this.#parts;
    const tried = await Promise.allSettled(devices.map((device) => this.#load(device, both)));
    const reasons = tried.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    if (
      reasons.length > 0 &&
      (signal.aborted || (pool.lanes.length === 0 && reasons.every(isFinal)))
    ) {
      await this.leave();
      throw reasons[0];
    }
    for (const device of devices) {
      if (this.#refusals.has(device.id)) this.#retryLater(device, FIRST_RETRY_MS);
    }
  }

  /** Why no device holds it; undefined: one does. */
  get trouble(): string | undefined {
    if (this.#parts.pool.lanes.length > 0) return undefined;
    return [...this.#refusals].map(([device, reason]) => `${device}: ${reason}`).join("; ");
  }

  /** Tries no more; the instances are the pool's. */
  async leave(): Promise<void> {
    this.#closing.abort(new Error("the model is being unloaded"));
    this.#watchNoMore?.();
    this.#followNoMore?.();
    for (const cancel of this.#retries.values()) cancel();
    this.#retries.clear();
    await Promise.allSettled(this.#loading);
    for (const { breaker } of this.#lanes.values()) breaker.close();
  }

  async #load(device: Device, signal: AbortSignal): Promise<void> {
    const { pool, log, breaker: settings, load } = this.#parts;
    try {
      this.#requireLent(device.id);
      const instance = await load(device, signal);
      if (signal.aborted || !this.#isLent(device.id)) {
        await instance.close();
        signal.throwIfAborted();
        this.#requireLent(device.id);
      }
      const probe = () => instance.probe();
      const breaker = new DeviceBreaker({ device: device.id, probe, log, settings });
      breaker.onChange = () => pool.onChange?.();
      this.#refusals.delete(device.id);
      this.#lanes.set(device.id, { lane: pool.add(instance, breaker), breaker });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (this.#refusals.get(device.id) !== reason && !signal.aborted) {
        log.warn("a device does not take a model; it is tried again", {
          model: this.#parts.model,
          device: device.id,
          reason,
        });
      }
      this.#refusals.set(device.id, reason);
      throw cause;
    }
  }

  #isLent(device: string): boolean {
    return lends(this.#parts.leases?.of(device), this.#parts.model);
  }

  #requireLent(device: string): void {
    if (this.#isLent(device)) return;
    const { to = "" } = this.#parts.leases?.of(device) ?? {};
    throw new BackendError("exhausted", `it is leased to ${to}`);
  }

  /** What may not stay leaves, and is tried again like on a device that does not take it. */
  async #leaseChanged(id: string): Promise<void> {
    const device = this.#parts.devices.find((each) => each.id === id);
    if (device === undefined) return;
    const held = this.#lanes.get(id);
    if (held === undefined || this.#isLent(id)) {
      this.#arrived(id);
      return;
    }
    const { pool, leases } = this.#parts;
    this.#lanes.delete(id);
    this.#refusals.set(id, `it is leased to ${leases?.of(id)?.to}`);
    await pool.retire(held.lane);
    held.breaker.close();
    await held.lane.instance.close();
    this.#retryLater(device, FIRST_RETRY_MS);
  }

  /** One that is being tried just now, or serves, is left alone. */
  #arrived(id: string): void {
    const device = this.#parts.devices.find((each) => each.id === id);
    const cancel = this.#retries.get(id);
    if (device === undefined || cancel === undefined) return;
    cancel();
    this.#retryLater(device, 0);
  }

  #retryLater(device: Device, delayMs: number): void {
    const { clock, log, model } = this.#parts;
    const { signal } = this.#closing;
    if (signal.aborted) return;
    const cancel = clock.after(delayMs, () => {
      this.#retries.delete(device.id);
      const loading: Promise<void> = this.#load(device, signal)
        .then(
          () => log.info("a device takes a model at last", { model, device: device.id }),
          () => this.#retryLater(device, nextRetryMs(delayMs)),
        )
        .finally(() => this.#loading.delete(loading));
      this.#loading.add(loading);
    });
    this.#retries.set(device.id, cancel);
  }
}

const nextRetryMs = (delayMs: number) =>
  Math.min(LAST_RETRY_MS, Math.max(FIRST_RETRY_MS, 2 * delayMs));

/** The artifact or the model is wrong: waiting mends nothing. */
function isFinal(reason: unknown): boolean {
  if (!(reason instanceof BackendError)) return true;
  return reason.fault !== "device" && reason.fault !== "exhausted";
}
