/** A placement and the offline optimum on the same demand for two bitstreams on like boards. */
import type { Placement } from "../views.ts";
import { offlineOptimum } from "./offline-optimum.ts";
import { type Outcome, simulate, type Watch } from "./simulate.ts";
import type { Trace } from "./traces.ts";
import { type Arrivals, listed } from "./world.ts";

export interface Trial {
  readonly boards: number;
  readonly slotMs: number;
  readonly slots: number;
  readonly switchSlots: number;
  /** Rows of either bitstream that one board serves in a slot; divisors of `slotMs`. */
  readonly rowsPerSlot: readonly [number, number];
  /** Slots after which a row is lost, that of its arrival included. Default: never. */
  readonly patienceSlots?: number;
}

export interface Verdict {
  readonly optimum: number;
  readonly outcome: Outcome;
  /** Goodput of the placement in shares of the optimum's. */
  readonly ratio: number;
}

/** @param demand a list, or an adversary who sees the boards; what he sends is written down for the optimum */
export function judge(
  trial: Trial,
  demand: Trace | Arrivals,
  placement: Placement,
  watch?: Watch,
): Verdict {
  const { boards, slotMs, slots, switchSlots, rowsPerSlot, patienceSlots } = trial;
  const patience = patienceSlots === undefined ? {} : { patienceMs: patienceSlots * slotMs };
  const outcome = simulate(
    {
      slotMs,
      slots,
      devices: Array.from({ length: boards }, (_, index) => ({
        id: `board${index}`,
        resident: "A",
        switchMs: switchSlots * slotMs,
      })),
      variants: [
        { variant: "A", msPerRow: slotMs / rowsPerSlot[0], ...patience },
        { variant: "B", msPerRow: slotMs / rowsPerSlot[1], ...patience },
      ],
      arrivals: typeof demand === "function" ? demand : listed(demand),
    },
    placement,
    watch,
  );
  const [a, b] = outcome.variants;
  const optimum = offlineOptimum({
    arrivals: [a?.arrivals ?? [], b?.arrivals ?? []],
    rowsPerSlot,
    boards: [boards, 0],
    switchSlots,
    ...(patienceSlots === undefined ? {} : { patienceSlots }),
  }).rows;
  return { optimum, outcome, ratio: optimum === 0 ? 1 : outcome.finished / optimum };
}
