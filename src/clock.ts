/** Time as it is handed to whoever waits: monotonic, in ms, replaceable in tests. */

export interface Clock {
  /** Monotonic ms with a fraction; only differences mean anything. */
  now(): number;
  /** Calls `fire` once after `delayMs`. @returns what takes it back. */
  after(delayMs: number, fire: () => void): () => void;
  /** Calls `fire` after the event that is being handled, before the next one. */
  next(fire: () => void): void;
  /** Calls `fire` after the events that are ready now. */
  soon(fire: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, fire) {
    // setTimeout clamps above 2^31-1 ms to 1 ms: wait in steps instead.
    const longest = 2 ** 31 - 1;
    let left = delayMs;
    let timer: NodeJS.Timeout;
    const arm = () => {
      const step = Math.min(left, longest);
      left -= step;
      timer = setTimeout(left > 0 ? arm : fire, step);
    };
    arm();
    return () => clearTimeout(timer);
  },
  next: (fire) => process.nextTick(fire),
  soon: (fire) => void setImmediate(fire),
};
