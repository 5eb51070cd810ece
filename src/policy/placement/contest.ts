/** What tenants may take from each other. Where one alone wants the boards of a platform, everything. */
import type { Board } from "./board.ts";
import { inService } from "./board.ts";
import { hasDwelt, hasWork, minDwellMs } from "./dwell.ts";
import type { Plan } from "./plan.ts";
import type { PlacementRules } from "./rules.ts";
import { leastTurnMs, marginOf } from "./turns.ts";
import { tenantsOf, usersOf } from "./users.ts";
import type { DemandView, Standing, TenantRows } from "./views.ts";
import { horizonOf, lossMs } from "./worth.ts";

/** Fractions of boards are sums of fractions. */
const NEARLY_0 = 1e-6;
/** So many requests flip a board: what is expected to send fewer is not in use. */
const REQUESTS = 2;

export class Contest {
  readonly #plan: Plan;
  readonly #rules: PlacementRules;
  readonly #standings: ReadonlyMap<string, Standing>;
  readonly #rivals = new Map<string, number>();
  readonly #users = new Map<string, ReadonlyMap<string, number>>();
  /** Boards that each has, as long as no action changes it. */
  #held = new Map<string, number>();
  #heldAt = -1;
  /** What was found out about boards, as long as no action changes it: with many tenants each would be summed for each. */
  readonly #looks = new Map<Board, Look>();
  #lookedAt = -1;

  constructor(plan: Plan, standings: readonly Standing[], rules: PlacementRules) {
    this.#plan = plan;
    this.#rules = rules;
    this.#standings = new Map(standings.map((each) => [keyOf(each.platform, each.tenant), each]));
    for (const { platform } of standings) {
      this.#rivals.set(platform, (this.#rivals.get(platform) ?? 0) + 1);
    }
  }

  /** Several tenants want the same boards. */
  get open(): boolean {
    return this.#standings.size > 0;
  }

  standingOf(tenant: string, platform: string): Standing | undefined {
    return this.#standings.get(keyOf(platform, tenant));
  }

  /** The tenant has less boards than its part. */
  lacks(standing: Standing): boolean {
    return this.#beyond(standing) < -NEARLY_0;
  }

  /** Without the board, somebody who needs it and does not wait for the demand would have less than his part. */
  spares(board: Board, demand: DemandView): boolean {
    if (!this.open || demand.tenants === undefined) return true;
    const others = this.#othersOn(board, demand);
    if (others.length === 0 || !this.isNeeded(board)) return true;
    return others.every(([standing, fraction]) => {
      return this.#beyond(standing) - fraction >= -NEARLY_0;
    });
  }

  /** Who has the board is not owed more than who waits for the demand. */
  isNext(board: Board, demand: DemandView): boolean {
    if (!this.open || demand.tenants === undefined) return true;
    const others = this.#othersOn(board, demand);
    if (others.length === 0 || !this.isNeeded(board)) return true;
    const waiting = demand.tenants.filter(({ rows }) => rows > 0);
    if (waiting.length === 0) return true;
    const credits = waiting.map(({ tenant }) => this.standingOf(tenant, demand.platform)?.creditMs);
    return (
      Math.max(...credits.map((each = 0) => each)) >= meanOf(others, ({ creditMs }) => creditMs)
    );
  }

  /** The board is the claimant's by his part, at this moment. */
  isDue(board: Board, claimant: Standing): boolean {
    const { switchMs, view } = board;
    if (view.leasedTo !== undefined) return false;
    const wasLent =
      claimant.guaranteed && claimant.sinceMs >= (view.givenMs ?? view.sinceMs - switchMs);
    if (!this.isNeeded(board)) return wasLent || hasDwelt(this.#plan, board, this.#rules);
    const others = this.#withoutOn(board, claimant);
    if (others === undefined || others.beyond <= NEARLY_0) return false;
    const turnEndsMs = view.sinceMs + this.#turnOf(others, switchMs);
    if (!wasLent && this.#plan.now < turnEndsMs) return false;
    const rivals = this.#rivals.get(claimant.platform) ?? 0;
    const marginMs = wasLent
      ? leastTurnMs(switchMs, this.#rules)
      : marginOf(claimant.partDevices, rivals, switchMs, this.#rules);
    return claimant.creditMs - others.creditMs >= marginMs - NEARLY_0;
  }

  /** For how long they keep a board that they were given for their turn: who is promised nothing, for less. */
  #turnOf({ partDevices }: Means, switchMs: number): number {
    const shareMs = partDevices * this.#rules.longestRoundFactor * switchMs;
    return Math.min(minDwellMs(switchMs, this.#rules), shareMs);
  }

  /** What those are owed who have the board, but for the claimant, ms; nobody: as little as there is. */
  creditOn(board: Board, claimant: Standing): number {
    return this.#withoutOn(board, claimant)?.creditMs ?? Number.NEGATIVE_INFINITY;
  }

  /** Rows wait for what it holds, or will, and no other board does them: it would be asked back. */
  isNeeded(board: Board): boolean {
    const look = this.#lookAt(board);
    look.needed ??= this.#wouldBeAskedBack(board);
    return look.needed;
  }

  #wouldBeAskedBack(board: Board): boolean {
    const horizonMs = horizonOf(board, this.#rules);
    let rows = 0;
    for (const { waitingRows, arrivalRowsPerS } of this.#plan.servedBy(board)) {
      rows += waitingRows + (arrivalRowsPerS * horizonMs) / 1_000;
    }
    if (rows < REQUESTS) return false;
    return hasWork(this.#plan, board) || lossMs(this.#plan, board, this.#rules) > 0;
  }

  /** Of those who use the board, but for the tenant; undefined: nobody. */
  #withoutOn(board: Board, standing: Standing): Means | undefined {
    const look = this.#lookAt(board);
    look.sums ??= this.#sumsOn(board);
    const { all, beyond, creditMs, partDevices } = look.sums;
    const own = this.#usersOf(board).get(standing.tenant) ?? 0;
    const others = all - own;
    if (others <= NEARLY_0) return undefined;
    return {
      beyond: (beyond - own * this.#beyond(standing)) / others,
      creditMs: (creditMs - own * standing.creditMs) / others,
      partDevices: (partDevices - own * standing.partDevices) / others,
    };
  }

  #sumsOn(board: Board): Sums {
    const sums = { all: 0, beyond: 0, creditMs: 0, partDevices: 0 };
    for (const [standing, fraction] of this.#usersOn(board)) {
      sums.all += fraction;
      sums.beyond += fraction * this.#beyond(standing);
      sums.creditMs += fraction * standing.creditMs;
      sums.partDevices += fraction * standing.partDevices;
    }
    return sums;
  }

  /** Boards that the tenant has beyond its part. */
  #beyond({ tenant, platform, partDevices }: Standing): number {
    return this.#heldBy(tenant, platform) - partDevices;
  }

  #lookAt(board: Board): Look {
    if (this.#lookedAt !== this.#plan.actions.length) {
      this.#lookedAt = this.#plan.actions.length;
      this.#looks.clear();
    }
    const look = this.#looks.get(board) ?? {};
    this.#looks.set(board, look);
    return look;
  }

  #othersOn(board: Board, { tenants = [] }: DemandView): Use[] {
    const waiting = new Set(tenants.filter(({ rows }) => rows > 0).map(({ tenant }) => tenant));
    return this.#usersOn(board).filter(([{ tenant }]) => !waiting.has(tenant));
  }

  #usersOn(board: Board): Use[] {
    const uses: Use[] = [];
    for (const [tenant, fraction] of this.#usersOf(board)) {
      const standing = this.standingOf(tenant, board.view.platform);
      if (standing !== undefined) uses.push([standing, fraction]);
    }
    return uses;
  }

  #usersOf({ holds, view }: Board): ReadonlyMap<string, number> {
    if (holds === undefined) return NOBODY;
    let users = this.#users.get(holds);
    if (users === undefined) {
      const tenants: ReadonlyMap<string, TenantRows> = tenantsOf(this.#plan.demandsFor(holds));
      users = usersOf(tenants, (tenant) => {
        return this.standingOf(tenant, view.platform)?.partDevices ?? 0;
      });
      this.#users.set(holds, users);
    }
    return users;
  }

  #heldBy(tenant: string, platform: string): number {
    if (this.#heldAt !== this.#plan.actions.length) {
      this.#heldAt = this.#plan.actions.length;
      this.#held = new Map();
      for (const board of this.#plan.boards) {
        if (!inService(board) || board.view.leasedTo !== undefined) continue;
        for (const [user, fraction] of this.#usersOf(board)) {
          const key = keyOf(board.view.platform, user);
          this.#held.set(key, (this.#held.get(key) ?? 0) + fraction);
        }
      }
    }
    return this.#held.get(keyOf(platform, tenant)) ?? 0;
  }
}

type Use = readonly [standing: Standing, fraction: number];

/** Of the users of a board, by their fractions of it. */
interface Means {
  /** Boards that they have beyond their part. */
  readonly beyond: number;
  readonly creditMs: number;
  readonly partDevices: number;
}

interface Sums extends Means {
  readonly all: number;
}

interface Look {
  needed?: boolean;
  sums?: Sums;
}

const NOBODY: ReadonlyMap<string, number> = new Map();

const keyOf = (platform: string, tenant: string) => `${platform}\n${tenant}`;

function meanOf(uses: readonly Use[], of: (standing: Standing) => number): number {
  let all = 0;
  let weighed = 0;
  for (const [standing, fraction] of uses) {
    all += fraction;
    weighed += fraction * of(standing);
  }
  return weighed / all;
}
