/**
 * Every device that holds one artifact at a time, and the hands of the placement: it decides which
 * variant sits where, from what waits; here a board is drained, programmed, warmed up and put to work.
 */
import type { Device } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { BoardTime } from "../policy/placement/board-time.ts";
import { RecentTenants } from "../policy/placement/recent-tenants.ts";
import type { DemandView, Placement, PlacementAction } from "../policy/placement/views.ts";
import { Board, type BoardReport, type BoardVariant } from "./board.ts";
import { type BreakerSettings, DeviceBreaker } from "./breaker.ts";
import { type Lease, lends } from "./lease.ts";

export type { BoardReport, BoardVariant, Demand } from "./board.ts";
export type { Lease } from "./lease.ts";

/** Time between two looks at what waits, ms. */
const LOOK_MS = 50;
/** Over which arrivals are averaged. */
const ARRIVALS_MS = 2_000;
/** A load that was refused is tried again after this, and after twice as long each time, ms; at most: */
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 300_000;
/** What a switch is thought to take before one was measured, ms. */
const ASSUMED_SWITCH_MS = 1_500;

export interface BoardsParts {
  readonly placement: Placement;
  /** What tenants had of the boards so far. */
  readonly boardTime: Pick<BoardTime, "look">;
  readonly breaker: BreakerSettings;
  readonly clock: Clock;
  readonly log: Logger;
  /** Name of the link group by device id, for those that do not tell one themselves. */
  readonly linkGroups?: ReadonlyMap<string, string>;
  /** The ensemble that a model is a step of, where it is one. Steps that share a backend's boards stay inside one link group. */
  groupOf?(model: string): string | undefined;
}

interface Entrant {
  readonly variant: BoardVariant;
  readonly tenants: RecentTenants;
  arrivedRows: number;
  rowsPerS: number;
  /** Since when rows have waited with no board that holds the variant; undefined: they do not. */
  nowhereSinceMs: number | undefined;
}

export class Boards {
  readonly #parts: BoardsParts;
  readonly #boards: Board[] = [];
  readonly #entrants = new Map<string, Entrant>();
  readonly #switching = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #stopLooking: (() => void) | undefined;
  #lookedAt: number;

  constructor(parts: BoardsParts) {
    this.#parts = parts;
    this.#lookedAt = parts.clock.now();
  }

  /** Devices of one backend; those known already are left as they are. */
  add(devices: readonly Device[], backend: string): void {
    const known = new Set(this.#boards.map(({ device }) => device.id));
    for (const device of devices) {
      if (known.has(device.id)) continue;
      const linkGroup = device.linkGroup ?? this.#parts.linkGroups?.get(device.id);
      const linked = linkGroup === undefined ? device : { ...device, linkGroup };
      this.#boards.push(new Board(linked, backend, this.#parts.clock.now()));
    }
  }

  get reports(): readonly BoardReport[] {
    return this.#boards.map(({ report }) => report);
  }

  /**
   * From now on the variant is given devices as placement decides; an empty one at once.
   * @throws BackendError as the load says, where an empty device refused it
   */
  async enter(variant: BoardVariant, signal: AbortSignal): Promise<void> {
    const { arrivedRows } = variant.demand();
    this.#entrants.set(variant.id, {
      variant,
      tenants: new RecentTenants(),
      arrivedRows,
      rowsPerS: 0,
      nowhereSinceMs: undefined,
    });
    this.#lookLater();
    const empty = this.#boards.find(
      (board) => board.fits(variant) && board.state === "ready" && board.resident === undefined,
    );
    if (empty === undefined) return;
    try {
      await this.#tracked(this.#program(empty, variant, signal));
    } catch (cause) {
      await this.leave(variant);
      throw cause;
    }
  }

  /** After its requests are answered: its devices are free for others. */
  async leave(variant: BoardVariant): Promise<void> {
    this.#entrants.delete(variant.id);
    const held = this.#boards.filter(({ resident }) => resident === variant);
    // Whoever is being programmed with it finds out when that is done.
    const loading = held.some(({ switching }) => switching);
    const quiet = held.filter(({ switching }) => !switching);
    await Promise.all(quiet.map((board) => this.#tracked(this.#empty(board))));
    if (loading) await this.#settled();
  }

  /** ms until a device will probably hold the variant; undefined: none will. */
  readyInMs(variant: BoardVariant): number | undefined {
    const now = this.#parts.clock.now();
    let soonest: number | undefined;
    for (const board of this.#boards) {
      if (!board.fits(variant) || this.#isRefused(board, variant, now)) continue;
      const { state, switchMs = ASSUMED_SWITCH_MS } = board;
      if (state === "draining" || state === "drained" || state === "failed") continue;
      const coming = state === "loading" && board.resident === variant;
      const inMs = coming ? Math.max(1, switchMs - (now - board.sinceMs)) : 2 * switchMs;
      soonest = Math.min(soonest ?? inMs, inMs);
    }
    return soonest;
  }

  /** Takes a device out of service; resolves when nothing runs on it. @returns false: there is no such device */
  async drain(id: string): Promise<boolean> {
    const board = this.#find(id);
    if (board === undefined) return false;
    board.drainWanted = true;
    if (board.state === "drained") return true;
    if (board.switching) {
      await this.#settled(); // whoever is at it sees the wish
      return true;
    }
    await this.#tracked(this.#takeOut(board));
    return true;
  }

  /** @returns false: there is no such device */
  undrain(id: string): boolean {
    const board = this.#find(id);
    if (board === undefined) return false;
    board.drainWanted = false;
    if (board.state === "drained") board.enter("ready", this.#parts.clock.now());
    return true;
  }

  /**
   * Gives a board to one experiment; what others have on it is drained. Another lease to the same takes its place.
   * @returns who has it already; undefined: it is theirs now
   */
  async lease(id: string, lease: Lease): Promise<string | undefined> {
    const board = this.#find(id);
    if (board === undefined) throw new RangeError(`no device ${id}`);
    if (board.lease !== undefined && board.lease.to !== lease.to) return board.lease.to;
    board.lease = lease;
    this.#lookLater();
    const { resident } = board;
    if (resident !== undefined && !lends(lease, resident.model)) {
      await (board.switching ? this.#settled() : this.#tracked(this.#empty(board)));
    }
    return undefined;
  }

  /** @returns false: there is no such device */
  release(id: string): boolean {
    const board = this.#find(id);
    if (board === undefined) return false;
    board.lease = undefined;
    return true;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the gateway stops"));
    this.#stopLooking?.();
    this.#stopLooking = undefined;
    await this.#settled();
    for (const { breaker } of this.#boards) breaker?.close();
  }

  #find(id: string): Board | undefined {
    return this.#boards.find(({ device }) => device.id === id);
  }

  #lookLater(): void {
    if (this.#stopLooking !== undefined || this.#closing.signal.aborted) return;
    this.#stopLooking = this.#parts.clock.after(LOOK_MS, () => {
      this.#stopLooking = undefined;
      this.#look();
      const leased = this.#boards.some(({ lease }) => lease !== undefined);
      if (this.#entrants.size > 0 || leased) this.#lookLater();
    });
  }

  #look(): void {
    const now = this.#parts.clock.now();
    this.#endLeases(now);
    const demands = this.#demands(now);
    this.#lookedAt = now;
    const views = this.#boards.map(({ view }) => view);
    const { placement, boardTime } = this.#parts;
    const standings = boardTime.look(views, demands, now);
    for (const action of placement.decide(views, demands, now, standings)) this.#act(action, now);
  }

  #endLeases(now: number): void {
    for (const board of this.#boards) {
      if (board.lease === undefined || board.lease.untilMs > now) continue;
      const { to } = board.lease;
      this.#parts.log.info("a lease is over", { device: board.device.id, to });
      board.lease = undefined;
    }
  }

  /** Who has leased boards for a model, where somebody has. */
  #tenantOf(model: string): string | undefined {
    const leased = this.#boards.find(({ lease }) => lease !== undefined && lends(lease, model));
    return leased?.lease?.to;
  }

  #demands(now: number): DemandView[] {
    const elapsedMs = Math.max(1, now - this.#lookedAt);
    const weight = 1 - Math.exp(-elapsedMs / ARRIVALS_MS);
    const demands: DemandView[] = [];
    const groups = this.#groups();
    for (const entrant of this.#entrants.values()) {
      const { variant } = entrant;
      const { arrivedRows, msPerRow, tenants, ...waiting } = variant.demand();
      const rate = ((arrivedRows - entrant.arrivedRows) * 1000) / elapsedMs;
      entrant.rowsPerS += weight * (rate - entrant.rowsPerS);
      entrant.arrivedRows = arrivedRows;
      const nowhere =
        waiting.waitingRows > 0 && !this.#boards.some(({ resident }) => resident === variant);
      entrant.nowhereSinceMs = nowhere ? (entrant.nowhereSinceMs ?? now) : undefined;
      const group = groups.get(variant);
      const tenant = this.#tenantOf(variant.model);
      demands.push({
        variant: variant.id,
        vendor: variant.vendor,
        platform: variant.platform,
        backend: variant.backend,
        ...(variant.memoryBytes === undefined ? {} : { memoryBytes: variant.memoryBytes }),
        ...waiting,
        nowhereMs: now - (entrant.nowhereSinceMs ?? now),
        arrivalRowsPerS: entrant.rowsPerS,
        msPerRow,
        tenants: entrant.tenants.list(tenants, now),
        pinned: variant.pinned,
        minInstances: variant.minInstances,
        ...(group === undefined ? {} : { group }),
        ...(tenant === undefined ? {} : { tenant }),
      });
    }
    return demands;
  }

  /** Of ensembles with several steps on one backend's boards; a single step may sit anywhere. */
  #groups(): ReadonlyMap<BoardVariant, string> {
    const steps = new Map<string, BoardVariant[]>();
    for (const { variant } of this.#entrants.values()) {
      const ensemble = this.#parts.groupOf?.(variant.model);
      if (ensemble === undefined) continue;
      const group = `${ensemble} on ${variant.backend}`;
      steps.set(group, [...(steps.get(group) ?? []), variant]);
    }
    const groups = new Map<BoardVariant, string>();
    for (const [group, variants] of steps) {
      if (new Set(variants.map(({ model }) => model)).size < 2) continue;
      for (const variant of variants) groups.set(variant, group);
    }
    return groups;
  }

  #act(action: PlacementAction, now: number): void {
    const board = this.#find(action.device);
    const entrant = this.#entrants.get(action.variant);
    if (board === undefined || board.state !== "ready") return;
    if (action.kind === "unload") {
      void this.#tracked(this.#empty(board)).catch(() => {});
      return;
    }
    if (entrant === undefined || !board.fits(entrant.variant)) return;
    if (this.#isRefused(board, entrant.variant, now)) return;
    const { device, evicts, reason, tenant } = { evicts: undefined, tenant: undefined, ...action };
    this.#parts.log.info("a device is given to another variant", {
      device,
      variant: action.variant,
      evicts,
      reason,
      tenant,
    });
    // Told on the board and in the log; the next look decides anew.
    this.#tracked(this.#program(board, entrant.variant, this.#closing.signal)).catch(() => {});
  }

  #isRefused(board: Board, { id }: BoardVariant, now: number): boolean {
    const refusal = board.refusals.get(id);
    return refusal !== undefined && now < refusal.untilMs;
  }

  /** Drains the board, loads the variant, and lets it serve. @throws as the load does */
  async #program(board: Board, variant: BoardVariant, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    const start = clock.now();
    board.enter("loading", start);
    board.givenMs = start;
    await this.#release(board);
    board.resident = variant;
    try {
      signal.throwIfAborted();
      const instance = await variant.load(board.device, signal);
      const leased = !board.fits(variant);
      if (leased || !this.#entrants.has(variant.id) || this.#closing.signal.aborted) {
        await instance.close();
        throw new Error(leased ? "the device was leased" : "the model is being unloaded");
      }
      board.trouble = undefined;
      board.refusals.delete(variant.id);
      board.breaker = new DeviceBreaker({
        device: board.device.id,
        probe: () => instance.probe(),
        log,
        settings: this.#parts.breaker,
      });
      const { breaker } = board;
      breaker.onChange = () => variant.pool.onChange?.();
      board.switched(clock.now() - start);
      board.enter("ready", clock.now());
      board.lane = variant.pool.add(instance, breaker);
    } catch (cause) {
      this.#refused(board, variant, cause);
      throw cause;
    } finally {
      if (board.drainWanted) await this.#takeOut(board);
    }
  }

  #refused(board: Board, { id }: BoardVariant, cause: unknown): void {
    const { clock, log } = this.#parts;
    const now = clock.now();
    const failures = (board.refusals.get(id)?.failures ?? 0) + 1;
    const retryMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
    board.refusals.set(id, { untilMs: now + retryMs, failures });
    board.resident = undefined;
    board.trouble = cause instanceof Error ? cause.message : String(cause);
    board.enter("ready", now);
    if (this.#closing.signal.aborted) return;
    log.warn("a device could not be given to a variant", {
      device: board.device.id,
      variant: id,
      reason: board.trouble,
      retryMs,
    });
  }

  async #empty(board: Board): Promise<void> {
    if (board.state === "ready" || board.state === "failed") {
      board.enter("loading", this.#parts.clock.now());
    }
    await this.#release(board);
    if (board.state === "loading") board.enter("ready", this.#parts.clock.now());
    if (board.drainWanted) await this.#takeOut(board);
  }

  /** Resolves when what boards are being given or taken now is done with. */
  async #settled(): Promise<void> {
    await Promise.allSettled(this.#switching);
  }

  async #takeOut(board: Board): Promise<void> {
    board.enter("draining", this.#parts.clock.now());
    await this.#release(board);
    board.enter(board.drainWanted ? "drained" : "ready", this.#parts.clock.now());
  }

  /** What runs on it ends, and what it holds goes. */
  async #release(board: Board): Promise<void> {
    const { resident, lane, breaker } = board;
    board.breaker = undefined;
    if (lane !== undefined) {
      await resident?.pool.retire(lane);
      board.emptied();
      await lane.instance.close();
    }
    breaker?.close();
    board.resident = undefined;
  }

  #tracked(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => this.#switching.delete(tracked));
    this.#switching.add(tracked);
    return tracked;
  }
}
