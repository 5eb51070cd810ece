/** Something done again and again, the next time only after the last has ended. */
import type { Clock } from "../clock.ts";

/** @param act never rejects. @returns what ends it, after what is under way */
export function beat(clock: Clock, everyMs: number, act: () => Promise<void>): () => Promise<void> {
  let stopped = false;
  let cancel = () => {};
  let running = Promise.resolve();
  const round = () => {
    running = act().then(() => {
      if (!stopped) cancel = clock.after(everyMs, round);
    });
  };
  round();
  return async () => {
    stopped = true;
    cancel();
    await running;
  };
}
