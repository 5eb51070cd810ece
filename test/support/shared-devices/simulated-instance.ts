/** A device on virtual time: one batch after the other, each a + b·rows long. */
import type { Run, RunResult } from "../../../src/workers/types.ts";
import { FakeInstance } from "../fake-instance.ts";
import type { EventClock } from "./event-clock.ts";

/** Time of an execution, µs. */
export interface Cost {
  readonly fixedUs: number;
  readonly usPerRow: number;
}

export const costOf = ({ fixedUs, usPerRow }: Cost, rows: number) => fixedUs + usPerRow * rows;

export class SimulatedInstance extends FakeInstance {
  readonly #clock: EventClock;
  readonly #cost: Cost;
  #freeAt = 0;
  /** When the batch began that was given at that instant, ms. */
  readonly startOf = new Map<number, number>();
  busyUs = 0;

  constructor(id: string, clock: EventClock, cost: Cost) {
    super(id);
    this.#clock = clock;
    this.#cost = cost;
  }

  override run(run: Run): Promise<RunResult> {
    const now = this.#clock.now();
    const rows = run.memberRows.reduce((sum, each) => sum + each, 0);
    const us = costOf(this.#cost, rows);
    const start = Math.max(now, this.#freeAt);
    this.startOf.set(now, start);
    this.#freeAt = start + us / 1000;
    this.busyUs += us;
    const result = super.run(run);
    const pending = this.runs.at(-1);
    this.#clock.after(this.#freeAt - now, () => {
      pending?.finish(us);
      this.#clock.settle();
    });
    return result;
  }
}
