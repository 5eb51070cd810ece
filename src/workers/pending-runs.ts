/** The runs that one worker was given and has not settled, in the order of sending. */
import type { LentRoom } from "./rooms.ts";
import type { RunResponse, RunResult } from "./types.ts";

export interface PendingRun {
  readonly instance: number;
  readonly maxInFlight: number;
  readonly room: LentRoom;
  /** Present for a run that is streamed. */
  readonly onResponse?: ((response: RunResponse) => void) | undefined;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: Error) => void;
}

export class PendingRuns {
  // A few at most, settled mostly in order. No Map: see `scheduling/chain.ts`.
  readonly #ids: number[] = [];
  readonly #runs: PendingRun[] = [];

  get size(): number {
    return this.#runs.length;
  }

  add(id: number, run: PendingRun): void {
    this.#ids.push(id);
    this.#runs.push(run);
  }

  /** A run that goes on. @throws where no such run is pending: the worker is confused. */
  get(id: number): PendingRun {
    const run = this.#runs[this.#ids.indexOf(id)];
    if (run === undefined) throw new Error(`a response of run ${id}, which is not pending`);
    return run;
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }

  isOldest(id: number): boolean {
    return this.#ids[0] === id;
  }

  /** @throws where no such run is pending: the worker is confused. */
  take(id: number): PendingRun {
    const at = this.#ids.indexOf(id);
    const run = this.#runs[at];
    if (run === undefined) throw new Error(`a result of run ${id}, which is not pending`);
    this.#ids.splice(at, 1);
    this.#runs.splice(at, 1);
    return run;
  }

  /**
   * Empties the list of a worker that died. A worker executes in the order of
   * sending: the oldest run was under way, and with it those that its instance
   * takes at the same time; none where the worker was `loading` meanwhile.
   */
  abandon(loading: boolean, lost: (executing: boolean) => Error): void {
    const runs = this.#runs.splice(0);
    this.#ids.length = 0;
    const before = new Map<number, number>();
    for (const [position, { instance, maxInFlight, reject }] of runs.entries()) {
      const ahead = before.get(instance) ?? 0;
      before.set(instance, ahead + 1);
      const started = position === 0 || (maxInFlight > 1 && ahead < maxInFlight);
      reject(lost(started && !loading));
    }
  }
}
