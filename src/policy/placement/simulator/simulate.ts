/**
 * A placement on trial, on virtual time. In each slot: loads end, events happen, rows arrive, the policy is
 * asked, boards that are ready serve (oldest rows first), rows that are too old are lost.
 */
import { BoardTime } from "../board-time.ts";
import { RecentTenants } from "../recent-tenants.ts";
import type { DemandView, DeviceView, Placement, PlacementAction, TenantRows } from "../views.ts";
import { SimulatedBoard } from "./simulated-board.ts";
import { WaitingRows } from "./waiting-rows.ts";
import type { Owner, SimulatedVariant, World } from "./world.ts";

export interface VariantOutcome {
  readonly variant: string;
  readonly finished: number;
  readonly lost: number;
  readonly waiting: number;
  /** Board-slots in which a board served it; in which one was being loaded with it. */
  readonly servedSlots: number;
  readonly loadingSlots: number;
  /** Longest that a row waited, those that still wait at the end included, ms. */
  readonly longestWaitMs: number;
  /** What arrived, slot by slot. */
  readonly arrivals: readonly number[];
}

export interface Outcome {
  /** Goodput: rows finished in time, all variants together. */
  readonly finished: number;
  readonly variants: readonly VariantOutcome[];
  /** Artifacts loaded, all boards together. */
  readonly swaps: number;
  readonly swapsOf: ReadonlyMap<string, number>;
  /** Board-slots in which a board was loading; in which one that could serve had nothing to do. */
  readonly loadingSlots: number;
  readonly idleSlots: number;
}

/** Called after the policy's actions of a slot were begun. */
export type Watch = (
  slot: number,
  devices: readonly DeviceView[],
  actions: readonly PlacementAction[],
) => void;

interface Line {
  readonly variant: SimulatedVariant;
  readonly waiting: WaitingRows;
  readonly arrivals: number[];
  ratePerS: number;
  /** Slot since which rows have been waiting without a board that serves them. */
  nowhereSince: number | undefined;
  readonly recent: RecentTenants;
  servedSlots: number;
  loadingSlots: number;
}

/** @throws RangeError where a slot is no whole number of rows; Error where the policy asks for what no device could do */
export function simulate(world: World, placement: Placement, watch?: Watch): Outcome {
  const { slotMs, slots, events = [], rateMs = 3_000 } = world;
  const boards = world.devices.map((device) => new SimulatedBoard(device, slotMs));
  const lines: Line[] = world.variants.map((variant) => ({
    variant,
    waiting: new WaitingRows((variant.patienceMs ?? Number.POSITIVE_INFINITY) / slotMs),
    arrivals: [],
    ratePerS: 0,
    nowhereSince: undefined,
    recent: new RecentTenants(),
    servedSlots: 0,
    loadingSlots: 0,
  }));
  const boardTime = new BoardTime();
  const forget = Math.exp(-slotMs / rateMs);
  let loadingSlots = 0;
  let idleSlots = 0;

  for (let slot = 0; slot < slots; slot += 1) {
    for (const board of boards) board.tick(slot);
    for (const event of events) {
      if (event.slot === slot) boardOf(boards, event.device).happen(event.change, slot);
    }
    const arriving = world.arrivals(slot, views(boards));
    for (const [index, line] of lines.entries()) {
      const rows = arriving[index] ?? 0;
      line.arrivals.push(rows);
      line.waiting.add(rows, slot);
      line.ratePerS = line.ratePerS * forget + (rows / slotMs) * 1_000 * (1 - forget);
      const nowhere = line.waiting.rows > 0 && !boards.some((board) => mayServe(board, line));
      line.nowhereSince = nowhere ? (line.nowhereSince ?? slot) : undefined;
    }
    const demands = lines.map((line) => demandOf(line, slot, slotMs));
    const standings = boardTime.look(views(boards), demands, slot * slotMs);
    const actions = placement.decide(views(boards), demands, slot * slotMs, standings);
    for (const action of actions) {
      const board = boardOf(boards, action.device);
      if (action.kind === "load") board.load(action.variant, slot);
      else board.unload(slot);
    }
    watch?.(slot, views(boards), actions);
    for (const board of boards) {
      const line = lines.find((each) => each.waiting.rows > 0 && mayServe(board, each));
      if (board.loading) {
        loadingSlots += 1;
        const loaded = lines.find((each) => each.variant.variant === board.view().resident);
        if (loaded !== undefined) loaded.loadingSlots += 1;
      } else if (board.serving !== undefined) {
        const served = line?.waiting.serve(rowsPerSlot(line.variant, slotMs), slot) ?? 0;
        if (served === 0) idleSlots += 1;
        else if (line !== undefined) line.servedSlots += 1;
      }
    }
    for (const { waiting } of lines) waiting.expire(slot);
  }

  const variants = lines.map((line) => outcomeOf(line, slots, slotMs));
  return {
    finished: variants.reduce((sum, { finished }) => sum + finished, 0),
    variants,
    swaps: boards.reduce((sum, { switches }) => sum + switches, 0),
    swapsOf: new Map(boards.map(({ id, switches }) => [id, switches])),
    loadingSlots,
    idleSlots,
  };
}

const views = (boards: readonly SimulatedBoard[]) => boards.map((board) => board.view());

function boardOf(boards: readonly SimulatedBoard[], id: string): SimulatedBoard {
  const board = boards.find((each) => each.id === id);
  if (board === undefined) throw new Error(`there is no device "${id}"`);
  return board;
}

/** A leased board serves its tenant's rows only. */
function mayServe({ serving, leasedTo }: SimulatedBoard, { variant }: Line): boolean {
  return variant.variant === serving && (leasedTo === undefined || leasedTo === variant.tenant);
}

function rowsPerSlot({ variant, msPerRow }: SimulatedVariant, slotMs: number): number {
  const rows = slotMs / msPerRow;
  if (Number.isInteger(rows)) return rows;
  throw new RangeError(
    `a slot of ${slotMs} ms is ${rows} rows of variant "${variant}" long: choose a multiple of ${msPerRow} ms`,
  );
}

function demandOf(line: Line, slot: number, slotMs: number): DemandView {
  const { variant, waiting, ratePerS, nowhereSince, recent } = line;
  const { platform = "any", patienceMs: _, owner, ...rest } = variant;
  const tenants = owner && waiting.rows > 0 ? [rowsOf(owner, waiting.rows)] : [];
  return {
    ...rest,
    platform,
    ...(owner && { tenants: recent.list(tenants, slot * slotMs) }),
    waitingRows: waiting.rows,
    oldestWaitMs: (slot - (waiting.oldest ?? slot)) * slotMs,
    nowhereMs: (slot - (nowhereSince ?? slot)) * slotMs,
    arrivalRowsPerS: ratePerS,
  };
}

/** A row is a request. */
function rowsOf({ name: tenant, ...terms }: Owner, rows: number): TenantRows {
  return { tenant, ...terms, rows, requests: rows };
}

function outcomeOf(
  { variant, waiting, arrivals, servedSlots, loadingSlots }: Line,
  slots: number,
  slotMs: number,
): VariantOutcome {
  const stillWaitingSlots = slots - (waiting.oldest ?? slots);
  return {
    variant: variant.variant,
    finished: waiting.finished,
    lost: waiting.lost,
    waiting: waiting.rows,
    servedSlots,
    loadingSlots,
    longestWaitMs: Math.max(waiting.longestWaitSlots, stillWaitingSlots) * slotMs,
    arrivals,
  };
}
