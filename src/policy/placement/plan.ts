/** The devices as they will be once the actions decided so far are carried out. */
import { type Board, boardOf, inService } from "./board.ts";
import { fits, isLent } from "./fits.ts";
import { least } from "./least.ts";
import { homeOf } from "./link-groups.ts";
import type { PlacementRules } from "./rules.ts";
import type { DemandView, DeviceView, LoadReason, PlacementAction } from "./views.ts";

export class Plan {
  readonly boards: readonly Board[];
  readonly demands: readonly DemandView[];
  readonly now: number;
  readonly actions: PlacementAction[] = [];
  /** Variants that are steps, per ensemble. */
  readonly #steps = new Map<string, Set<string>>();
  /** Where ensembles are, as long as no action changes it. */
  readonly #homes = new Map<string, string | undefined>();
  readonly #groupOf = new Map<string, string>();
  readonly #demandsFor = new Map<string, DemandView[]>();
  /** As long as no action changes it. */
  readonly #holders = new Map<DemandView, readonly Board[]>();

  constructor(
    devices: readonly DeviceView[],
    demands: readonly DemandView[],
    now: number,
    { assumedSwitchMs }: PlacementRules,
  ) {
    this.demands = demands;
    this.now = now;
    this.boards = devices.map((view) => boardOf(view, assumedSwitchMs));
    for (const demand of demands) {
      const { group, variant } = demand;
      const alike = this.#demandsFor.get(variant);
      if (alike === undefined) this.#demandsFor.set(variant, [demand]);
      else alike.push(demand);
      if (group === undefined) continue;
      this.#groupOf.set(variant, group);
      this.#steps.set(group, this.stepsOf(group).add(variant));
    }
  }

  /** All demands for a variant, one per tenant. */
  demandsFor(variant: string): readonly DemandView[] {
    return this.#demandsFor.get(variant) ?? [];
  }

  /** The boards that serve the demand, or will when they are loaded. */
  holders(demand: DemandView): readonly Board[] {
    let holders = this.#holders.get(demand);
    if (holders === undefined) {
      holders = this.boards.filter(
        (board) =>
          board.holds === demand.variant &&
          inService(board) &&
          isLent(board.view, demand) &&
          !this.isStranded(board),
      );
      this.#holders.set(demand, holders);
    }
    return holders;
  }

  /** The demands that a board serves, or will when it is loaded. */
  servedBy(board: Board): DemandView[] {
    if (board.holds === undefined || this.isStranded(board)) return [];
    return this.demandsFor(board.holds).filter((demand) => isLent(board.view, demand));
  }

  /** The boards that could be given to the demand now, whatever it costs. */
  candidates(demand: DemandView): Board[] {
    const home = this.homeOf(demand) ?? this.#bestHome(demand);
    return this.boards.filter(
      (board) =>
        !board.taken &&
        board.holds !== demand.variant &&
        (home === undefined || board.linkGroup === home) &&
        this.#couldHold(board, demand),
    );
  }

  /** @param tenant whose rows it is for; default: of whom most rows wait */
  load(board: Board, demand: DemandView, reason: LoadReason, tenant = mostOf(demand)): void {
    const evicts = board.holds === undefined ? {} : { evicts: board.holds };
    const whose = tenant === undefined ? {} : { tenant };
    const { variant } = demand;
    this.actions.push({
      ...{ kind: "load", device: board.view.id, variant, ...evicts, reason, ...whose },
    });
    this.#give(board, variant);
  }

  unload(board: Board, reason: "stranded" | "moving"): void {
    if (board.holds === undefined) return;
    this.actions.push({ kind: "unload", device: board.view.id, variant: board.holds, reason });
    this.#give(board, undefined);
  }

  /** Link group in which the demand's ensemble runs; undefined: it is none's step, or no step is anywhere. */
  homeOf({ group }: DemandView): string | undefined {
    return group === undefined ? undefined : this.#homeOf(group);
  }

  stepsOf(group: string): Set<string> {
    return this.#steps.get(group) ?? new Set();
  }

  /** It holds a step of an ensemble whose home is elsewhere. */
  isStranded({ holds, linkGroup }: Board): boolean {
    const group = holds === undefined ? undefined : this.#groupOf.get(holds);
    if (group === undefined) return false;
    const home = this.#homeOf(group);
    return home !== undefined && home !== linkGroup;
  }

  /** Link groups other than the demand's home in which every step of its ensemble could run. */
  otherHomes(demand: DemandView): string[] {
    const home = this.homeOf(demand);
    const steps = this.#stepDemands(demand);
    return this.#linkGroups().filter(
      (linkGroup) =>
        linkGroup !== home &&
        steps.every((step) => this.boardsThatCouldHold(step, linkGroup).length > 0),
    );
  }

  /** Whether anything but time keeps the demand from the boards of a link group. */
  boardsThatCouldHold(demand: DemandView, linkGroup: string): Board[] {
    return this.boards.filter(
      (board) =>
        board.linkGroup === linkGroup && inService(board) && this.#couldHold(board, demand),
    );
  }

  #give(board: Board, variant: string | undefined): void {
    board.holds = variant;
    board.taken = true;
    this.#homes.clear();
    this.#holders.clear();
  }

  #homeOf(group: string): string | undefined {
    if (!this.#homes.has(group)) {
      this.#homes.set(group, homeOf(this.boards, this.stepsOf(group)));
    }
    return this.#homes.get(group);
  }

  /** Where an ensemble that is nowhere had best begin: most steps, most boards for them, most of them empty. */
  #bestHome(demand: DemandView): string | undefined {
    if (demand.group === undefined) return undefined;
    const steps = this.#stepDemands(demand);
    let best: { linkGroup: string; score: readonly number[] } | undefined;
    for (const linkGroup of this.#linkGroups()) {
      const able = steps.map((step) => this.boardsThatCouldHold(step, linkGroup));
      const boards = new Set(able.flat());
      const empty = [...boards].filter(({ holds }) => holds === undefined).length;
      const score = [
        able.filter(({ length }) => length > 0).length,
        Math.min(boards.size, steps.length),
        empty,
      ];
      if (best === undefined || isHigher(score, best.score)) best = { linkGroup, score };
    }
    return best?.linkGroup;
  }

  #stepDemands({ group }: DemandView): DemandView[] {
    return this.demands.filter((each) => each.group === group);
  }

  #linkGroups(): string[] {
    return [...new Set(this.boards.map(({ linkGroup }) => linkGroup))];
  }

  #couldHold(board: Board, demand: DemandView): boolean {
    return (
      fits(board.view, demand) && isLent(board.view, demand) && !this.#isProtected(board, demand)
    );
  }

  /** What it holds is pinned, or would fall below its minimum. */
  #isProtected(board: Board, { variant }: DemandView): boolean {
    if (board.holds === undefined || board.holds === variant) return false;
    const residents = this.demandsFor(board.holds);
    if (residents.some(({ pinned }) => pinned === true)) return true;
    const least = Math.max(0, ...residents.map(({ minInstances = 0 }) => minInstances));
    if (least === 0) return false;
    const have = this.boards.filter((each) => each.holds === board.holds && inService(each));
    return have.length <= least;
  }
}

function mostOf({ tenants = [] }: DemandView): string | undefined {
  return least(
    tenants.filter(({ rows }) => rows > 0),
    ({ rows }) => -rows,
  )?.tenant;
}

function isHigher(left: readonly number[], right: readonly number[]): boolean {
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0;
    if (value !== other) return value > other;
  }
  return false;
}
