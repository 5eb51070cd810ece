/** What comes out of a simulated site. */
import type { Waiting } from "./line.ts";
import type { ScaleWorld } from "./world.ts";

export interface Decisions {
  admissions: number;
  routes: number;
  /** Whose turn it is. */
  turns: number;
  placements: number;
  /** Real time of the policy, not virtual. */
  placementMs: number;
  longestPlacementMs: number;
}

export interface ScaleFigures {
  readonly requests: number;
  readonly refused: number;
  readonly rowsPerS: number;
  /** Shares of the time of all boards, and of all cores. */
  readonly boards: { readonly busy: number; readonly switching: number };
  readonly cores: { readonly busy: number };
  /** Jain's index of the device time of the tenants that are equal. */
  readonly jain: number;
  /** Device time of the first tenant, whose clients are more, by that of the mean other one. */
  readonly flooder: number;
  readonly waitMs: { readonly p50: number; readonly p99: number; readonly longest: number };
  readonly swaps: number;
  readonly decisionsPerS: number;
  readonly placementMs: { readonly mean: number; readonly longest: number };
  readonly wallS: number;
}

export class Figures {
  refused = 0;
  boardLoadingMs = 0;
  #boardMs = 0;
  #coreMs = 0;
  readonly #ofTenant: number[];
  readonly #waits: number[] = [];
  readonly #world: ScaleWorld;
  readonly decisions: Decisions = {
    ...{ admissions: 0, routes: 0, turns: 0, placements: 0 },
    ...{ placementMs: 0, longestPlacementMs: 0 },
  };

  constructor(world: ScaleWorld) {
    this.#world = world;
    this.#ofTenant = Array<number>(world.tenants).fill(0);
  }

  served(
    { tenant, sinceMs }: Waiting,
    startMs: number,
    costMs: number,
    kind: "board" | "core",
  ): void {
    this.#waits.push(startMs - sinceMs);
    this.#ofTenant[tenant.index] = (this.#ofTenant[tenant.index] ?? 0) + costMs;
    if (kind === "board") this.#boardMs += costMs;
    else this.#coreMs += costMs;
  }

  sum(swaps: number, wallMs: number): ScaleFigures {
    const { boards, cores, seconds, rowsPerRequest } = this.#world;
    const { admissions, routes, turns, placements, placementMs, longestPlacementMs } =
      this.decisions;
    const waits = Float64Array.from(this.#waits).sort();
    const quantile = (share: number) =>
      waits[Math.min(waits.length - 1, Math.floor(share * waits.length))] ?? 0;
    const [first = 0, ...equal] = this.#ofTenant;
    const total = equal.reduce((sum, each) => sum + each, 0);
    const squares = equal.reduce((sum, each) => sum + each * each, 0);
    const all = seconds * 1_000;
    return {
      requests: waits.length,
      refused: this.refused,
      rowsPerS: (waits.length * rowsPerRequest) / seconds,
      boards: {
        busy: this.#boardMs / (boards * all),
        switching: this.boardLoadingMs / (boards * all),
      },
      cores: { busy: this.#coreMs / (cores * all) },
      jain: total ** 2 / (equal.length * squares),
      flooder: first / (total / equal.length),
      waitMs: { p50: quantile(0.5), p99: quantile(0.99), longest: waits.at(-1) ?? 0 },
      swaps,
      decisionsPerS: (admissions + routes + turns + placements) / (wallMs / 1_000),
      placementMs: { mean: placementMs / placements, longest: longestPlacementMs },
      wallS: wallMs / 1_000,
    };
  }
}
