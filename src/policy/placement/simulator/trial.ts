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
  /**
   * Goodput counts the ms of boards that finished rows took, instead of the rows: where rows of one bitstream cost more
   * and there are too many of both, most rows are finished by never serving the dear ones.
   */
  readonly inBoardTime?: boolean;
}

export interface Verdict {
  /** Goodput, in rows unless the trial says otherwise. */
  readonly optimum: number;
  readonly finished: number;
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
  const weights =
    trial.inBoardTime === true ? trial.rowsPerSlot.map((rows) => slotMs / rows) : [1, 1];
  const weigh = (rows: number, variant: number) => rows * (weights[variant] ?? 1);
  const [a = [], b = []] = outcome.variants.map(({ arrivals }, variant) =>
    arrivals.map((rows) => weigh(rows, variant)),
  );
  const finished = outcome.variants.reduce(
    (sum, each, variant) => sum + weigh(each.finished, variant),
    0,
  );
  const optimum = offlineOptimum({
    arrivals: [a, b],
    rowsPerSlot: [weigh(rowsPerSlot[0], 0), weigh(rowsPerSlot[1], 1)],
    boards: [boards, 0],
    switchSlots,
    atLeast: finished,
    ...(patienceSlots === undefined ? {} : { patienceSlots }),
  }).rows;
  return { optimum, finished, outcome, ratio: optimum === 0 ? 1 : finished / optimum };
}
