/**
 * A site of any size with the gateway's own policies on virtual time: each request is admitted by the tenant's quota,
 * routed to a variant, waits by fair share, and runs on boards that placement switches. What is modelled are devices
 * and clients; nothing of the gateway's transport is in it.
 */
import { Random } from "../../../models/make/random.ts";
import type { Tenant } from "../../../src/inference/caller.ts";
import { TenantUsage } from "../../../src/policy/admission/tenant-usage.ts";
import { ShareClock } from "../../../src/policy/fair-share/share-clock.ts";
import { placement } from "../../../src/policy/placement/placement.ts";
import type { DemandView } from "../../../src/policy/placement/views.ts";
import { expectedDelayRouter } from "../../../src/policy/routing/expected-delay-router.ts";
import type { Router } from "../../../src/policy/routing/router.ts";
import { aTenant } from "../../support/tenants.ts";
import { Board } from "./board.ts";
import { type Decisions, Figures, type ScaleFigures } from "./figures.ts";
import { Line } from "./line.ts";
import { CORES, INTEL, type PlatformFacts, type ScaleWorld, SLOT_MS, U50, U50_SHARE } from "./world.ts";

const RATE_MS = 3_000;
const FORGET = Math.exp(-SLOT_MS / RATE_MS);

interface Variant {
  readonly name: string;
  readonly platform: PlatformFacts;
  readonly line: Line;
  /** Cost of a request on one device, ms. */
  readonly costMs: number;
  ratePerS: number;
  arrived: number;
  nowhereSinceMs: number | undefined;
  /** What the router is shown; changed in place. */
  readonly view: {
    -readonly [key in keyof import("../../../src/policy/routing/variant-view.ts").VariantView]: import("../../../src/policy/routing/variant-view.ts").VariantView[key];
  };
}

interface Model {
  readonly router: Router;
  readonly variants: readonly Variant[];
}

export function simulate(world: ScaleWorld): ScaleFigures {
  const begin = performance.now();
  const { gateways, boards, cores, clients, quotaRowsPerSecond } = world;
  const figures = new Figures(world);
  let swaps = 0;
  for (let gateway = 0; gateway < gateways; gateway += 1) {
    const part = (count: number) => Math.round(count / gateways);
    const own = { boards: part(boards), cores: part(cores), clients: part(clients) };
    // Gateways share a quota by slices; evenly here, as their clients are alike.
    const quota =
      quotaRowsPerSecond === undefined ? {} : { quotaRowsPerSecond: quotaRowsPerSecond / gateways };
    const seed = world.seed * 1_000 + gateway;
    swaps += new SimulatedGateway({ ...world, ...own, ...quota, seed }, figures).run();
  }
  return figures.sum(swaps, performance.now() - begin);
}

/** One gateway with what is behind it and the clients that chose it. */
class SimulatedGateway {
  readonly #world: ScaleWorld;
  readonly #random: Random;
  readonly #tenants: readonly Tenant[];
  readonly #usage: readonly TenantUsage[];
  readonly #models: readonly Model[];
  readonly #boards: readonly Board[];
  /** When each core of a model's own is free again, ms. */
  readonly #cores: readonly Float64Array[];
  readonly #byName = new Map<string, Variant>();
  /** Clients by the slot in which they ask next. */
  readonly #asking: number[][];
  readonly #decisions: Decisions;
  readonly #figures: Figures;
  readonly #decide = placement();

  constructor(world: ScaleWorld, figures: Figures) {
    this.#world = world;
    this.#figures = figures;
    this.#decisions = figures.decisions;
    this.#random = new Random(world.seed);
    const quota = world.quotaRowsPerSecond === undefined ? {} : { rowsPerSecond: world.quotaRowsPerSecond };
    this.#tenants = Array.from({ length: world.tenants }, (_, index) => aTenant(index, { quota }));
    this.#usage = this.#tenants.map((tenant) => new TenantUsage(tenant, 0));
    const u50s = Math.round(world.boards * U50_SHARE);
    const clocks = { u50: new ShareClock(), a10: new ShareClock() };
    this.#models = Array.from({ length: world.models }, (_, at) => ({
      router: expectedDelayRouter(),
      variants: [
        this.#variant(at, U50, clocks.u50),
        this.#variant(at, INTEL, clocks.a10),
        this.#variant(at, CORES, new ShareClock()),
      ],
    }));
    this.#boards = Array.from({ length: world.boards }, (_, at) => {
      const platform = at < u50s ? U50 : INTEL;
      return new Board(`${platform.name}-${at}`, platform, `model-${at % world.models}-${platform.name}`, world.switchMs);
    });
    const coresEach = Math.floor(world.cores / world.models);
    this.#cores = this.#models.map(() => new Float64Array(coresEach));
    this.#asking = Array.from({ length: this.#slots + 1 }, () => []);
    for (let client = 0; client < world.clients; client += 1) this.#askLater(client, this.#random.exponential(world.thinkMs));
  }

  get #slots(): number {
    return Math.round((this.#world.seconds * 1_000) / SLOT_MS);
  }

  /** @returns switches of its boards */
  run(): number {
    for (let slot = 0; slot < this.#slots; slot += 1) {
      const nowMs = slot * SLOT_MS;
      this.#look(nowMs);
      for (const client of this.#asking[slot] ?? []) this.#request(client, nowMs);
      this.#place(nowMs);
      this.#serve(nowMs);
    }
    return this.#boards.reduce((sum, { switches }) => sum + switches, 0);
  }

  #variant(model: number, platform: PlatformFacts, clock: ShareClock): Variant {
    const name = `model-${model}-${platform.name}`;
    const { fixedMs, msPerRow, vendor } = platform;
    const view = {
      ...{ name, vendor, platform: platform.name, numericClass: "fixed16", backend: vendor },
      ...{ ready: false, allowed: true, readyInMs: undefined, fixedMs, msPerRow },
      ...{ queuedRows: 0, inFlightRows: 0, instances: 0 },
    };
    const costMs = fixedMs + msPerRow * this.#world.rowsPerRequest;
    const variant = { name, platform, line: new Line(clock), costMs, ratePerS: 0, arrived: 0, nowhereSinceMs: undefined, view };
    this.#byName.set(name, variant);
    return variant;
  }

  /** What the gateway's figures say at the begin of a slot. */
  #look(nowMs: number): void {
    const serving = new Map<string, number>();
    for (const { view } of this.#byName.values()) view.inFlightRows = 0;
    const runs = (variant: Variant | undefined, freeAtMs: number) => {
      if (variant === undefined || freeAtMs <= nowMs) return;
      variant.view.inFlightRows += (freeAtMs - nowMs) / variant.view.msPerRow;
    };
    for (const board of this.#boards) {
      board.tick(nowMs);
      if (board.serves === undefined) continue;
      serving.set(board.serves, (serving.get(board.serves) ?? 0) + 1);
      runs(this.#byName.get(board.serves), board.freeAtMs);
    }
    for (const [at, cores] of this.#cores.entries()) {
      for (const freeAtMs of cores) runs(this.#models[at]?.variants[2], freeAtMs);
    }
    for (const variant of this.#byName.values()) {
      const { view, platform, line } = variant;
      view.instances = platform === CORES ? (this.#cores[0]?.length ?? 0) : (serving.get(variant.name) ?? 0);
      view.ready = view.instances > 0;
      view.readyInMs = view.ready ? undefined : this.#world.switchMs;
      view.queuedRows = line.requests * this.#world.rowsPerRequest;
      const nowhere = line.requests > 0 && !view.ready;
      variant.nowhereSinceMs = nowhere ? (variant.nowhereSinceMs ?? nowMs) : undefined;
    }
  }

  #request(client: number, nowMs: number): void {
    const { rowsPerRequest, thinkMs } = this.#world;
    const tenant = this.#tenantOf(client);
    this.#decisions.admissions += 1;
    if (this.#usage[tenant.index]?.admit(rowsPerRequest, 4 * rowsPerRequest, nowMs) !== undefined) {
      this.#figures.refused += 1;
      this.#askLater(client, nowMs + thinkMs);
      return;
    }
    const model = this.#models[this.#popular(nowMs)] as Model;
    this.#decisions.routes += 1;
    const choice = model.router.choose(model.variants.map(({ view }) => view), rowsPerRequest);
    const variant = typeof choice === "number" ? model.variants[choice] : undefined;
    if (variant === undefined) throw new Error("a model with cores always serves");
    variant.line.add({ client, tenant, sinceMs: nowMs });
    variant.view.queuedRows += rowsPerRequest;
    variant.arrived += rowsPerRequest;
  }

  /** Half of the requests are for one model in five; which these are changes. */
  #popular(nowMs: number): number {
    const { models, changesEveryS } = this.#world;
    const turn = Math.floor(nowMs / (1_000 * changesEveryS));
    const few = Math.max(1, Math.floor(models / 5));
    const within = this.#random.chance(0.5) ? this.#random.integer(few) : this.#random.integer(models);
    return (within + turn * few) % models;
  }

  #place(nowMs: number): void {
    const demands: DemandView[] = [];
    for (const variant of this.#byName.values()) {
      variant.ratePerS = variant.ratePerS * FORGET + ((variant.arrived * 1_000) / SLOT_MS) * (1 - FORGET);
      variant.arrived = 0;
      if (variant.platform === CORES) continue;
      demands.push({
        variant: variant.name,
        platform: variant.platform.name,
        waitingRows: variant.line.requests * this.#world.rowsPerRequest,
        waitingRequests: variant.line.requests,
        oldestWaitMs: nowMs - (variant.line.oldestMs() ?? nowMs),
        nowhereMs: nowMs - (variant.nowhereSinceMs ?? nowMs),
        arrivalRowsPerS: variant.ratePerS,
        msPerRow: variant.platform.msPerRow,
        benefit: 1 - variant.platform.msPerRow / CORES.msPerRow,
        minInstances: 1,
      });
    }
    const begin = performance.now();
    const actions = this.#decide.decide(this.#boards.map((board) => board.view()), demands, nowMs);
    const tookMs = performance.now() - begin;
    this.#decisions.placements += 1;
    this.#decisions.placementMs += tookMs;
    this.#decisions.longestPlacementMs = Math.max(this.#decisions.longestPlacementMs, tookMs);
    if (actions.length === 0) return;
    const byId = new Map(this.#boards.map((board) => [board.id, board]));
    for (const action of actions) byId.get(action.device)?.act(action, nowMs);
  }

  #serve(nowMs: number): void {
    const untilMs = nowMs + SLOT_MS;
    const count = { [U50.name]: 0, [INTEL.name]: 0 };
    for (const { platform } of this.#boards) count[platform.name] = (count[platform.name] ?? 0) + 1;
    for (const board of this.#boards) {
      if (board.loading) this.#figures.boardLoadingMs += SLOT_MS;
      if (board.serves === undefined) continue;
      const variant = this.#byName.get(board.serves) as Variant;
      const devices = count[board.platform.name] ?? 1;
      board.freeAtMs = this.#run(variant, board.freeAtMs, nowMs, untilMs, devices, "board");
    }
    for (const [at, cores] of this.#cores.entries()) {
      const variant = this.#models[at]?.variants[2] as Variant;
      for (let core = 0; core < cores.length && variant.line.requests > 0; core += 1) {
        cores[core] = this.#run(variant, cores[core] ?? 0, nowMs, untilMs, cores.length, "core");
      }
    }
  }

  /** One device until the slot is over or nothing waits. @returns when it is free */
  #run(variant: Variant, freeAtMs: number, nowMs: number, untilMs: number, devices: number, kind: "board" | "core"): number {
    const { costMs, line } = variant;
    let at = Math.max(freeAtMs, nowMs);
    while (at < untilMs) {
      const request = line.take((costMs * 1_000) / devices);
      if (request === undefined) break;
      this.#decisions.turns += 1;
      this.#figures.served(request, at, costMs, kind);
      at += costMs;
      this.#askLater(request.client, at + this.#random.exponential(this.#world.thinkMs));
    }
    return at;
  }

  #askLater(client: number, atMs: number): void {
    this.#asking[Math.min(this.#slots, Math.ceil(atMs / SLOT_MS))]?.push(client);
  }

  #tenantOf(client: number): Tenant {
    const { clients, flooder, tenants } = this.#world;
    const flooding = Math.round(clients * flooder);
    const index = client < flooding ? 0 : 1 + ((client - flooding) % (tenants - 1));
    return this.#tenants[index] as Tenant;
  }
}
