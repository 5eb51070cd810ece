/** The instances of one model variant on like devices, and who of them takes the next batch. */
import type { Instance } from "../workers/types.ts";
import { type Fuse, type Gate, Lane } from "./lane.ts";

export class Pool {
  readonly #lanes: Lane[];
  readonly #now: () => number;
  /** Called when an instance came back or went away. */
  onChange: (() => void) | undefined;
  #turn = 0;

  /** @param gatesOf of the instances, in their order; `wake` is for who was found closed */
  constructor(
    instances: readonly Instance[],
    now: () => number,
    gatesOf?: (wake: () => void) => readonly (Gate | undefined)[],
  ) {
    const gates = gatesOf?.(() => this.onChange?.()) ?? [];
    this.#now = now;
    this.#lanes = instances.map((instance, k) => new Lane(instance, now, gates[k]));
    for (const instance of instances) instance.onChange = () => this.onChange?.();
  }

  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** An instance on one device more. */
  add(instance: Instance, fuse?: Fuse): Lane {
    const lane = new Lane(instance, this.#now, undefined, fuse);
    this.#lanes.push(lane);
    instance.onChange = () => this.onChange?.();
    this.onChange?.();
    return lane;
  }

  /** Takes a device away again: no more batches; resolves when those that run there are done with. */
  async retire(lane: Lane): Promise<void> {
    const empty = lane.retire();
    const at = this.#lanes.indexOf(lane);
    if (at >= 0) this.#lanes.splice(at, 1);
    this.#turn = 0;
    lane.instance.onChange = undefined;
    this.onChange?.();
    await empty;
  }

  get available(): boolean {
    return this.#lanes.some((lane) => lane.inService);
  }

  /** False while every device here is only probed. */
  get allowed(): boolean {
    return this.#lanes.length === 0 || this.#lanes.some((lane) => lane.allowed);
  }

  /** Why nothing serves, and will not in a moment either. */
  get failure(): string | undefined {
    if (this.available) return undefined;
    return this.#lanes.find((lane) => lane.instance.failure !== undefined)?.instance.failure;
  }

  /** True: another lane serves. */
  hasOther(lane: Lane): boolean {
    return this.#lanes.some((other) => other !== lane && other.inService);
  }

  /**
   * A lane whose device would start at once; taken in turn.
   * @param avoid only taken where no other lane serves
   */
  idleLane(avoid?: Lane): Lane | undefined {
    const avoided = avoid !== undefined && this.hasOther(avoid) ? avoid : undefined;
    const lanes = this.#lanes;
    for (let i = 0; i < lanes.length; i += 1) {
      const lane = lanes[(this.#turn + i) % lanes.length];
      if (!lane?.idle || lane === avoided) continue;
      this.#turn = (this.#turn + i + 1) % lanes.length;
      return lane;
    }
    return undefined;
  }

  /** Among the busy lanes that take one batch ahead, the one that has been busy longest. */
  laneToTakeAhead(): Lane | undefined {
    let best: Lane | undefined;
    for (const lane of this.#lanes) {
      if (lane.takesOneAhead && (!best || lane.busySince < best.busySince)) best = lane;
    }
    return best;
  }

  async close(): Promise<void> {
    for (const { gate } of this.#lanes) gate?.leave();
    await Promise.all(this.#lanes.map((lane) => lane.instance.close()));
  }
}
