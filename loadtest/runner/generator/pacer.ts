/**
 * Calls back when the next request is due, closer than a timer can: timers of
 * libuv count whole milliseconds.
 *
 * `nap` sleeps at most a tenth of a millisecond at a time while something is due
 * soon, and looks at the sockets in between: about 5 % of a core. `spin` never
 * sleeps: exact to some microseconds, for a machine that has a core to give.
 */

export type Pacing = "nap" | "spin";

/** Timers may be late by as much: what is due sooner is waited for awake. */
const TIMER_SLACK_MS = 2;
const NAP_MS = 0.1;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

export class Pacer {
  readonly #pacing: Pacing;
  readonly #tick: (now: number) => number;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #stopped = false;
  /** Time in which `spin` looked and found nothing to do, ms: not the generator's work. */
  idleSpinMs = 0;
  /** Set by whoever did something since the last look. */
  worked = false;

  /** @param tick does what is due; returns when the next thing is, or Infinity when there is none */
  constructor(pacing: Pacing, now: () => number, tick: (now: number) => number) {
    this.#pacing = pacing;
    this.#now = now;
    this.#tick = tick;
  }

  /** Looks now, in place of the timer that may be set. */
  start(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  readonly #look = (): void => {
    if (this.#stopped) return;
    const now = this.#now();
    const due = this.#tick(now);
    if (this.#stopped) return;
    const wait = due - this.#now();
    if (wait > TIMER_SLACK_MS) {
      // Infinity: nothing more will be due, whoever knows better calls `start` again.
      if (wait === Number.POSITIVE_INFINITY) return;
      this.#timer = setTimeout(this.#look, Math.floor(wait - 1));
      return;
    }
    if (this.#pacing === "nap") {
      if (wait > 0) Atomics.wait(sleeper, 0, 0, Math.min(wait, NAP_MS));
    } else if (!this.worked) this.idleSpinMs += this.#now() - now;
    this.worked = false;
    this.#immediate = setImmediate(this.#look);
  };
}
