/** A task that is done again some time after it has ended, never twice at once. */
import type { Clock } from "../../clock.ts";

/** @param task never rejects @returns what stops it; a turn that runs comes to its end */
export function againAndAgain(
  clock: Clock,
  everyMs: number,
  task: () => Promise<unknown>,
): () => void {
  let stopped = false;
  let cancel = () => {};
  const turn = async () => {
    await task();
    if (!stopped) cancel = clock.after(everyMs, () => void turn());
  };
  cancel = clock.after(everyMs, () => void turn());
  return () => {
    stopped = true;
    cancel();
  };
}
