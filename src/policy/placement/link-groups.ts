/** Boards with a dedicated link between them, and the ensembles that must not leave it. */
import type { Board } from "./board.ts";

/**
 * Where an ensemble is: the link group whose boards hold most of its steps; of equals, the one that has held one
 * longest. Boards that failed or were drained count for nothing.
 */
export function homeOf(boards: readonly Board[], steps: ReadonlySet<string>): string | undefined {
  const homes = new Map<string, { boards: number; sinceMs: number }>();
  for (const { view, linkGroup, holds } of boards) {
    if (holds === undefined || !steps.has(holds)) continue;
    if (view.state === "failed" || view.state === "drained") continue;
    const home = homes.get(linkGroup) ?? { boards: 0, sinceMs: Number.POSITIVE_INFINITY };
    home.boards += 1;
    home.sinceMs = Math.min(home.sinceMs, view.sinceMs);
    homes.set(linkGroup, home);
  }
  let best: string | undefined;
  for (const [linkGroup, home] of homes) {
    const other = best === undefined ? undefined : homes.get(best);
    const better =
      other === undefined ||
      home.boards > other.boards ||
      (home.boards === other.boards && home.sinceMs < other.sinceMs);
    if (better) best = linkGroup;
  }
  return best;
}
