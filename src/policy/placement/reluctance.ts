import type { Board } from "./board.ts";
import type { DemandView } from "./views.ts";

/**
 * Which of several boards that do equally well to spare: those with a link for who needs none, those with
 * more memory than needed, in this order.
 */
export function reluctance({ view, switchMs }: Board, { group }: DemandView): number {
  const linked = group === undefined && view.linkGroup !== undefined ? 1e15 : 0;
  return linked + switchMs * 1e6 + (view.memoryBytes ?? 0) / 1e9;
}
