/** What a placement is tried on: boards, variants and demand, on slotted virtual time. */
import type { Terms } from "../parts.ts";
import type { DeviceView } from "../views.ts";

export interface SimulatedDevice {
  readonly id: string;
  readonly vendor?: string;
  readonly platform?: string;
  readonly linkGroup?: string;
  readonly memoryBytes?: number;
  /** Variant that it holds at the start; absent: it is empty. */
  readonly resident?: string;
  /** How long a switch really takes, ms; the policy is told after the first one. */
  readonly switchMs: number;
  readonly leasedTo?: string;
}

export interface SimulatedVariant {
  readonly variant: string;
  readonly platform?: string;
  readonly memoryBytes?: number;
  /** A slot is a whole number of rows long. */
  readonly msPerRow: number;
  /** A row that is not finished in the slot of its arrival or so many ms after its beginning is lost. Default: none is. */
  readonly patienceMs?: number;
  readonly benefit?: number;
  readonly pinned?: boolean;
  readonly minInstances?: number;
  readonly group?: string;
  readonly tenant?: string;
  /** Whose rows they are, for the division of time between tenants; absent: nobody's. */
  readonly owner?: Owner;
}

export interface Owner extends Terms {
  readonly name: string;
}

/** Something that happens to a device from outside, before the policy is asked. */
export interface DeviceEvent {
  readonly slot: number;
  readonly device: string;
  /** `return`: it is put back into service, as drained or failed boards are, and holds what it held. */
  readonly change: "fail" | "drain" | "return" | { readonly leasedTo: string | undefined };
}

/** Rows that arrive in `slot`, per variant in their order. Sees the devices, so that an adversary can be one. */
export type Arrivals = (slot: number, devices: readonly DeviceView[]) => readonly number[];

/** Demand that was written down beforehand: a list of slots per variant. */
export function listed(rows: readonly (readonly number[])[]): Arrivals {
  return (slot) => rows.map((ofVariant) => ofVariant[slot] ?? 0);
}

export interface World {
  readonly slotMs: number;
  readonly slots: number;
  readonly devices: readonly SimulatedDevice[];
  readonly variants: readonly SimulatedVariant[];
  readonly arrivals: Arrivals;
  readonly events?: readonly DeviceEvent[];
  /** Time constant of the measured arrival rate, ms. Default 3000. */
  readonly rateMs?: number;
}
