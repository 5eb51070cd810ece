/** Whether nobody works on a registration any more that is underway. */
import { lives, newOwner } from "../../store/files/owner.ts";
import type { Underway } from "../catalog/types.ts";

/** On another machine nobody can see whether the process lives: longer than any gate takes. */
const FORGOTTEN_MS = 6 * 3_600_000;

/**
 * @param now ms since 1970
 * @param mine tokens of what this process works on
 */
export function isAbandoned(
  { owner, since }: Underway,
  now: number,
  mine: ReadonlySet<string>,
): boolean {
  const { pid, place, started } = newOwner();
  if (owner.pid === pid && owner.place === place && owner.started === started) {
    return !mine.has(owner.token);
  }
  const silentMs = now - Date.parse(since) > FORGOTTEN_MS ? Number.POSITIVE_INFINITY : 0;
  return !lives(owner, silentMs);
}
