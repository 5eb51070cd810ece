/**
 * How the time of boards was divided between tenants so far: what each is owed, in ms of a board. A board's
 * time is charged to who uses what it holds, whether it works for them, is being loaded for them or waits for more.
 *
 *   credit   ──┬───────────────┬──────────────┬──────▶
 *              had more        0              is owed
 *              than its part                  a board next
 *
 * - Whoever wants boards gains its part of the time that those who want some are given, and pays for what it has of it.
 * - Who wants no more than it has, and has no more than its part, takes nothing from anybody and pays nothing: what it
 *   leaves is lent.
 * - A guarantee that is not used is a credit, up to a bound; so is a guarantee of who never came. That of a tenant
 *   who has everything for itself goes to 0.
 */
import { partsOf, type Terms } from "./parts.ts";
import { DEFAULT_RULES, type PlacementRules } from "./rules.ts";
import { leastTurnMs, roundMs } from "./turns.ts";
import { tenantsOf, usersOf } from "./users.ts";
import type { DemandView, DeviceView, Standing } from "./views.ts";

interface Account extends Terms {
  readonly tenant: string;
  weight: number;
  guarantee: number;
  creditMs: number;
  /** When it came; undefined: it is away. */
  sinceMs: number | undefined;
}

/** Of a tenant that is not away, since the last look. */
interface Busy {
  readonly account: Account;
  /** For more than next to nothing. */
  readonly waits: boolean;
  /** 0 for who wants next to nothing: of what nobody is promised it has no part. */
  readonly weight: number;
  readonly guarantee: number;
  usedMs: number;
}

export class BoardTime {
  readonly #rules: PlacementRules;
  /** By platform and tenant. Who is away and has what a newcomer would have is forgotten. */
  readonly #pools = new Map<string, Map<string, Account>>();
  #lookedAt: number | undefined;

  constructor(given: Partial<PlacementRules> = {}) {
    this.#rules = { ...DEFAULT_RULES, ...given };
  }

  /** To be called as often as placement is asked: since the last time, boards held what they hold. @param now monotonic ms */
  look(
    devices: readonly DeviceView[],
    demands: readonly DemandView[],
    now: number,
  ): readonly Standing[] {
    const elapsedMs = now - (this.#lookedAt ?? now);
    this.#lookedAt = now;
    const standings: Standing[] = [];
    for (const platform of new Set(devices.map((device) => device.platform))) {
      const boards = devices.filter((device) => device.platform === platform && isShared(device));
      const wanted = demands.filter((demand) => demand.platform === platform);
      standings.push(...this.#lookAt(platform, boards, wanted, elapsedMs, now));
    }
    return standings;
  }

  #lookAt(
    platform: string,
    boards: readonly DeviceView[],
    demands: readonly DemandView[],
    elapsedMs: number,
    now: number,
  ): Standing[] {
    const accounts = this.#pools.get(platform) ?? new Map<string, Account>();
    if (accounts.size === 0 && demands.every(({ tenants = [] }) => tenants.length === 0)) return [];
    this.#pools.set(platform, accounts);
    const switchMs = switchMsOf(boards, this.#rules);
    const busy = this.#busy(accounts, demands, switchMs, now);
    const parts = new Map<string, number>();
    for (const [at, part] of partsOf(busy).entries()) {
      parts.set(busy[at]?.account.tenant ?? "", part);
    }
    charge(busy, parts, boards, demands, elapsedMs);
    const allMs = boards.length * elapsedMs;
    const isContent = ({ account, waits, usedMs }: Busy) =>
      !waits && usedMs <= (parts.get(account.tenant) ?? 0) * allMs;
    const rivals = busy.filter((each) => !isContent(each));
    if (rivals.length > 1) this.#divide(rivals, switchMs);
    else for (const { account } of rivals) move(account, 0, allMs);
    for (const each of busy.filter(isContent)) {
      const { account, usedMs } = each;
      const lentMs = (parts.get(account.tenant) ?? 0) * allMs - usedMs;
      move(account, this.#atRest(account, busy.length, switchMs), lentMs);
    }
    this.#rest(accounts, busy, allMs, switchMs);
    if (busy.length < 2) return [];
    return busy.map(({ account: { tenant, guarantee, creditMs, sinceMs } }) => ({
      ...{ tenant, platform, creditMs, guaranteed: guarantee > 0 },
      partDevices: (parts.get(tenant) ?? 0) * boards.length,
      sinceMs: sinceMs ?? now,
    }));
  }

  #busy(
    accounts: Map<string, Account>,
    demands: readonly DemandView[],
    switchMs: number,
    now: number,
  ): Busy[] {
    const tenants = [...tenantsOf(demands).values()];
    const workMs = this.#workOf(demands, switchMs);
    return tenants.map(({ tenant, weight, guarantee, rows }) => {
      let account = accounts.get(tenant);
      if (account === undefined) {
        account = { tenant, weight, guarantee, creditMs: 0, sinceMs: now };
        account.creditMs = this.#atRest(account, tenants.length, switchMs);
        accounts.set(tenant, account);
      }
      account.weight = weight;
      account.guarantee = guarantee;
      account.sinceMs ??= now;
      // What waits of it, and comes within the look-ahead, is worth no switch there and back.
      const light = (workMs.get(tenant) ?? 0) < this.#rules.marginFactor * switchMs;
      const waits = rows > 0 && !light;
      return { account, waits, weight: light ? 0 : weight, guarantee, usedMs: 0 };
    });
  }

  /** What waits, and comes within the look-ahead, by tenant, ms of a board. */
  #workOf(demands: readonly DemandView[], switchMs: number): ReadonlyMap<string, number> {
    const horizonMs = (this.#rules.lookaheadFactor + 1) * switchMs;
    const work = new Map<string, number>();
    for (const { tenants = [], arrivalRowsPerS, msPerRow } of demands) {
      const coming = (arrivalRowsPerS * horizonMs) / 1_000;
      for (const { tenant, rows } of tenants) {
        work.set(tenant, (work.get(tenant) ?? 0) + (rows + coming) * msPerRow);
      }
    }
    return work;
  }

  /** What they were given, by their parts. */
  #divide(rivals: readonly Busy[], switchMs: number): void {
    const givenMs = rivals.reduce((sum, { usedMs }) => sum + usedMs, 0);
    const mostMs = roundMs(rivals.length, switchMs, this.#rules) / 2;
    const parts = partsOf(rivals);
    for (const [at, { account, usedMs }] of rivals.entries()) {
      const credit = account.creditMs + (parts[at] ?? 0) * givenMs - usedMs;
      account.creditMs = Math.min(mostMs, Math.max(-mostMs, credit));
    }
  }

  /** Of those who are away. */
  #rest(
    accounts: Map<string, Account>,
    busy: readonly Busy[],
    allMs: number,
    switchMs: number,
  ): void {
    if (accounts.size === busy.length) return;
    const present = new Set(busy.map(({ account }) => account));
    for (const account of accounts.values()) {
      if (present.has(account)) continue;
      account.sinceMs = undefined;
      const restMs = this.#atRest(account, busy.length + 1, switchMs);
      if (account.creditMs === restMs) {
        accounts.delete(account.tenant);
        continue;
      }
      const part = partsOf([...busy, account]).at(-1) ?? 0;
      move(account, restMs, part * allMs);
    }
  }

  /** Credit of who has wanted nothing for long: that of a guarantee pays for a turn. */
  #atRest({ guarantee }: Account, tenants: number, switchMs: number): number {
    if (guarantee === 0) return 0;
    const round = roundMs(tenants, switchMs, this.#rules);
    return Math.max(leastTurnMs(switchMs, this.#rules), round / 4);
  }
}

/** It serves whoever asks, or will. */
const isShared = ({ state, leasedTo }: DeviceView) =>
  leasedTo === undefined && (state === "ready" || state === "loading");

function charge(
  busy: readonly Busy[],
  parts: ReadonlyMap<string, number>,
  boards: readonly DeviceView[],
  demands: readonly DemandView[],
  elapsedMs: number,
): void {
  const byTenant = new Map(busy.map((each) => [each.account.tenant, each]));
  for (const { resident } of boards) {
    const tenants = tenantsOf(demands.filter(({ variant }) => variant === resident));
    for (const [tenant, part] of usersOf(tenants, (each) => parts.get(each) ?? 0)) {
      const user = byTenant.get(tenant);
      if (user !== undefined) user.usedMs += part * elapsedMs;
    }
  }
}

function move(account: Account, toMs: number, byMs: number): void {
  const { creditMs } = account;
  account.creditMs =
    creditMs < toMs
      ? Math.min(toMs, creditMs + Math.max(0, byMs))
      : Math.max(toMs, creditMs - Math.max(0, byMs));
}

function switchMsOf(boards: readonly DeviceView[], { assumedSwitchMs }: PlacementRules): number {
  const all = boards.reduce((sum, { switchMs }) => sum + (switchMs ?? assumedSwitchMs), 0);
  return boards.length === 0 ? assumedSwitchMs : all / boards.length;
}
