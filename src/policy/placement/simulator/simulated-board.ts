/** A board on virtual time: what it holds, whether it serves, what its switches cost. */
import type { DeviceView } from "../views.ts";
import type { DeviceEvent, SimulatedDevice } from "./world.ts";

type State = DeviceView["state"];

export class SimulatedBoard {
  readonly #device: SimulatedDevice;
  readonly #slotMs: number;
  #state: State = "ready";
  #sinceMs = Number.NEGATIVE_INFINITY;
  #resident: string | undefined;
  #leasedTo: string | undefined;
  #readyAtSlot = 0;
  #givenMs = Number.NEGATIVE_INFINITY;
  #measuredMs: number | undefined;
  #switches = 0;

  constructor(device: SimulatedDevice, slotMs: number) {
    this.#device = device;
    this.#slotMs = slotMs;
    this.#resident = device.resident;
    this.#leasedTo = device.leasedTo;
  }

  get id(): string {
    return this.#device.id;
  }
  /** Artifacts loaded onto it, the first one included. */
  get switches(): number {
    return this.#switches;
  }
  get leasedTo(): string | undefined {
    return this.#leasedTo;
  }
  /** The variant whose rows it serves now. A board that is being drained serves on. */
  get serving(): string | undefined {
    return this.#state === "ready" || this.#state === "draining" ? this.#resident : undefined;
  }
  get loading(): boolean {
    return this.#state === "loading";
  }

  view(): DeviceView {
    const { id, vendor = "any", platform = "any", linkGroup, memoryBytes } = this.#device;
    return {
      id,
      vendor,
      platform,
      state: this.#state,
      sinceMs: this.#sinceMs,
      givenMs: this.#givenMs,
      ...(linkGroup === undefined ? {} : { linkGroup }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(this.#resident === undefined ? {} : { resident: this.#resident }),
      ...(this.#measuredMs === undefined ? {} : { switchMs: this.#measuredMs }),
      ...(this.#leasedTo === undefined ? {} : { leasedTo: this.#leasedTo }),
    };
  }

  /** At the beginning of a slot: a load that is over is over; a drained board is empty of work. */
  tick(slot: number): void {
    if (this.#state === "loading" && slot >= this.#readyAtSlot) {
      this.#measuredMs = this.#device.switchMs;
      this.#enter("ready", slot);
    } else if (this.#state === "draining") {
      this.#enter("drained", slot);
    }
  }

  happen(change: DeviceEvent["change"], slot: number): void {
    if (change === "fail") {
      // What was being loaded is not there when it comes back.
      if (this.#state === "loading") this.#resident = undefined;
      this.#enter("failed", slot);
    } else if (change === "drain") {
      if (this.#state === "ready") this.#enter("draining", slot);
    } else if (change === "return") {
      if (this.#state === "drained" || this.#state === "failed") this.#enter("ready", slot);
    } else {
      this.#leasedTo = change.leasedTo;
    }
  }

  load(variant: string, slot: number): void {
    if (this.#state !== "ready") {
      throw new Error(`device "${this.id}" is ${this.#state}: only a ready one can be loaded`);
    }
    this.#resident = variant;
    this.#readyAtSlot = slot + Math.ceil(this.#device.switchMs / this.#slotMs);
    this.#switches += 1;
    this.#givenMs = slot * this.#slotMs;
    this.#enter("loading", slot);
  }

  unload(slot: number): void {
    if (this.#state !== "ready") {
      throw new Error(`device "${this.id}" is ${this.#state}: only a ready one can be unloaded`);
    }
    this.#resident = undefined;
    this.#enter("ready", slot);
  }

  #enter(state: State, slot: number): void {
    this.#state = state;
    this.#sinceMs = slot * this.#slotMs;
  }
}
