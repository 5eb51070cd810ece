/** Tenants with models of their own on the same boards: what each gets, and how soon it gets back what was lent. */
import type { Placement } from "../views.ts";
import { type Outcome, simulate } from "./simulate.ts";
import type { World } from "./world.ts";

export interface SimulatedTenant {
  readonly guarantee: number;
  readonly weight?: number;
  /** Of all boards' capacity, in each slot; or as it changes. */
  readonly load: number | ((slot: number) => number);
}

export interface TenantTrial {
  readonly boards: number;
  /** A batch, and the time between two looks; divisor of `SWITCH_MS`. */
  readonly slotMs: number;
  readonly slots: number;
  readonly tenants: readonly SimulatedTenant[];
  /** Index of the tenant whose model is on all boards at the start. Default: they are empty. */
  readonly holder?: number;
}

export const SWITCH_MS = 1_500;
const ROWS_PER_SLOT = 10;

/** What a tenant had. */
export interface TenantFigures {
  /** Of the boards' time, in which they worked for it, and were being loaded for it. */
  readonly served: number;
  readonly loaded: number;
  readonly finished: number;
  readonly waiting: number;
  readonly longestWaitMs: number;
}

export interface TenantVerdict {
  readonly tenants: readonly TenantFigures[];
  readonly swaps: number;
  /** Of the boards' time, in which none worked for anybody. */
  readonly lost: number;
  /** First slot from which on, in ms, a board was ready with each tenant's model; undefined: never. */
  readonly readyMs: readonly (number | undefined)[];
}

const variantOf = (tenant: number) => `model ${tenant}`;

/** @param fromSlot the readiness of models is looked for from here on */
export function tryTenants(trial: TenantTrial, placement: Placement, fromSlot = 0): TenantVerdict {
  const { boards, slotMs, slots, tenants, holder } = trial;
  const owed = tenants.map(() => 0);
  const world: World = {
    slotMs,
    slots,
    devices: Array.from({ length: boards }, (_, index) => ({
      id: `board${index}`,
      switchMs: SWITCH_MS,
      ...(holder === undefined ? {} : { resident: variantOf(holder) }),
    })),
    variants: tenants.map(({ guarantee, weight = 1 }, index) => ({
      variant: variantOf(index),
      msPerRow: slotMs / ROWS_PER_SLOT,
      owner: { name: `tenant ${index}`, guarantee, weight },
    })),
    arrivals: (slot) =>
      tenants.map(({ load }, index) => {
        const now = typeof load === "number" ? load : load(slot);
        const due = (owed[index] ?? 0) + now * boards * ROWS_PER_SLOT;
        owed[index] = due - Math.floor(due);
        return Math.floor(due);
      }),
  };
  const readyMs: (number | undefined)[] = tenants.map(() => undefined);
  const outcome = simulate(world, placement, (slot, devices) => {
    if (slot < fromSlot) return;
    for (const { state, resident } of devices) {
      const index = tenants.findIndex((_, each) => variantOf(each) === resident);
      if (state === "ready" && index >= 0) readyMs[index] ??= (slot - fromSlot) * slotMs;
    }
  });
  return { ...figuresOf(outcome, boards * slots), readyMs };
}

function figuresOf(
  { variants, swaps, loadingSlots, idleSlots }: Outcome,
  boardSlots: number,
): Omit<TenantVerdict, "readyMs"> {
  return {
    swaps,
    lost: (loadingSlots + idleSlots) / boardSlots,
    tenants: variants.map((variant) => ({
      served: variant.servedSlots / boardSlots,
      loaded: variant.loadingSlots / boardSlots,
      finished: variant.finished,
      waiting: variant.waiting,
      longestWaitMs: variant.longestWaitMs,
    })),
  };
}
