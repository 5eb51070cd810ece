/** From a model with several variants to something that serves it: a scheduler a variant, devices, a router. */
import type { Device } from "../../backends/contract.ts";
import { StatusError, toStatusError } from "../errors.ts";
import type { TenantRows } from "../policy/placement/views.ts";
import { expectedDelayRouter } from "../policy/routing/expected-delay-router.ts";
import { preferenceRouter } from "../policy/routing/preference-router.ts";
import type { Router } from "../policy/routing/router.ts";
import type { Boards, BoardVariant } from "../pool/boards.ts";
import type { BreakerSettings } from "../pool/breaker.ts";
import { DeviceLanes, type WatchArrivals } from "../pool/device-lanes.ts";
import type { DeviceLeases } from "../pool/device-leases.ts";
import { Pool } from "../pool/pool.ts";
import type { ModelDefinition, VariantDefinition } from "../registry/types.ts";
import { Branch } from "../scheduling/branch.ts";
import type { Rescue } from "../scheduling/rescuer.ts";
import { RoutedModel } from "../scheduling/routed-model.ts";
import { Scheduler } from "../scheduling/scheduler.ts";
import type { Instance } from "../workers/types.ts";
import { type LoaderParts, loadAll, loadInstance } from "./load-instances.ts";

export interface RoutingSettings {
  readonly policy: "expected-delay" | "preference";
  /** With `preference`: expected delay from which on the next variant is taken, ms; undefined: never. */
  readonly spillAboveMs?: number | undefined;
}

export interface VariantLoaderParts extends LoaderParts {
  /** Absent: no devices come while the gateway runs. */
  readonly watchArrivals?: WatchArrivals | undefined;
  /** Of devices that models share; absent: none is ever leased. */
  readonly leases?: DeviceLeases | undefined;
  readonly boards: Boards;
  readonly breaker: BreakerSettings;
  readonly routing: RoutingSettings;
  /** The devices of a backend on this host. */
  devicesOf(backendKind: string): Promise<readonly Device[]>;
  failedOver(model: string, from: string, to: string): void;
  /** True where instances of this backend are loaded on devices by their ids. */
  perDevice(backendKind: string): boolean;
}

/** Requests for boards wait longer than others: a switch may be owed to somebody else first. */
const BOARD_PATIENCE_MS = 120_000;

/** Of a variant that never ran, ms. */
const ASSUMED_MS_PER_ROW = 1;

let loads = 0;

/** Serves with every variant that a device took. @throws the reasons where none did */
export async function loadVariants(
  parts: VariantLoaderParts,
  definition: ModelDefinition,
  variants: readonly VariantDefinition[],
  signal: AbortSignal,
): Promise<RoutedModel> {
  const { signature, parameters } = definition;
  const load = ++loads;
  const places = await Promise.all(
    variants.map(async (variant) => ({ variant, ...(await devicesFor(parts, variant)) })),
  );
  const fills = new Map<Branch, () => Promise<void>>();
  const model: RoutedModel = new RoutedModel({
    signature,
    router: routerOf(parts.routing, variants),
    failOverToAnyClass: parameters["numeric_failover"] === "any",
    clock: parts.clock,
    absent: definition.absent ?? [],
    failedOver: (from, to) => parts.failedOver(signature.name, from, to),
    branches: (rescueOf) =>
      places.map(({ variant, devices, none }) => {
        const context = { parts, definition, variant, devices, load, model: () => model };
        const made = makeBranch(context, rescueOf(variant.name));
        fills.set(made.branch, () => (none ? Promise.reject(none) : made.fill(signal)));
        return made.branch;
      }),
  });
  const failures: StatusError[] = [];
  await Promise.all(
    [...fills].map(async ([branch, fill]) => {
      try {
        await fill();
      } catch (cause) {
        const status = toStatusError(cause);
        failures.push(status);
        const { name } = branch;
        const reason = `variant '${name}' of model '${signature.name}' does not serve`;
        parts.log.warn(`${reason}: ${status.message}`);
        await model.drop(branch, status.message);
      }
    }),
  );
  const [first] = failures;
  if (model.branches.length > 0 || first === undefined) return model;
  throw failures.length === 1
    ? first
    : new StatusError(first.code, failures.map(({ message }) => message).join("; "));
}

interface VariantContext {
  readonly parts: VariantLoaderParts;
  readonly definition: ModelDefinition;
  readonly variant: VariantDefinition;
  /** That it was compiled for. */
  readonly devices: readonly Device[];
  /** Number of this load of the model. */
  readonly load: number;
  model(): RoutedModel;
}

function makeBranch(context: VariantContext, rescue: Rescue) {
  const { parts, definition, variant, devices } = context;
  const { signature, rules } = definition;
  const { account, clock, log, boards } = parts;
  const pool = new Pool([], clock.now);
  const [device] = devices;
  const onBoards = device?.reconfigurable === true;
  const origin = parts.originOf?.(definition, variant);
  const patienceMs = onBoards ? BOARD_PATIENCE_MS : parts.patienceMs;
  const schedulerParts = { signature, rules, pool, account, clock, log, patienceMs };
  const taken = onBoards || parts.perDevice(variant.backendKind) ? device : undefined;
  const share = taken ? parts.shares?.ofPlatform(taken.platform) : parts.shares?.ofOwnWorkers();
  const rest = { rescue, origin, share, variant: variant.name };
  const scheduler = new Scheduler({ ...schedulerParts, ...rest });
  const board = onBoards ? boardVariant(context, scheduler, pool) : undefined;
  const shared = !onBoards && parts.perDevice(variant.backendKind);
  const lanes = shared ? deviceLanes(context, pool) : undefined;
  const branch = new Branch({
    name: variant.name,
    vendor: variant.vendor ?? variant.artifact.manifest?.vendor ?? device?.vendor ?? "unknown",
    platform: variant.artifact.manifest?.artifact.platform ?? device?.platform ?? "any",
    digest: variant.artifact.digest,
    numericClass: variant.numericClass,
    backend: variant.backendKind,
    scheduler,
    pool,
    ...(board && {
      readyInMs: () => boards.readyInMs(board),
      released: () => boards.leave(board),
    }),
    ...(lanes && { trouble: () => lanes.trouble, released: () => lanes.leave() }),
  });
  const fill = async (signal: AbortSignal) => {
    if (board) await boards.enter(board, signal);
    else if (lanes) await lanes.enter(signal);
    else for (const instance of await loadOnCores(context, signal)) pool.add(instance);
  };
  return { branch, fill };
}

/** As many instances as the configuration wants. */
function loadOnCores(
  { parts, definition, variant }: VariantContext,
  signal: AbortSignal,
): Promise<Instance[]> {
  const loads = Array.from({ length: definition.instances }, () =>
    loadInstance(parts, definition, variant, "cpu", signal),
  );
  return loadAll(loads);
}

function deviceLanes(
  { parts, definition, variant, devices }: VariantContext,
  pool: Pool,
): DeviceLanes {
  const { breaker, clock, log, watchArrivals, leases } = parts;
  return new DeviceLanes({
    ...{ model: definition.name, devices, pool, breaker, clock, log, watchArrivals, leases },
    load: (device, signal) => loadInstance(parts, definition, variant, device.id, signal),
  });
}

function boardVariant(
  { parts, definition, variant, load, model }: VariantContext,
  scheduler: Scheduler,
  pool: Pool,
): BoardVariant {
  const { name, version, parameters } = definition;
  const { manifest, platform } = variant.artifact;
  return {
    id: `${name}/${version}/${variant.name}${load > 1 ? `#${load}` : ""}`,
    model: name,
    backend: variant.backendKind,
    vendor: manifest?.vendor ?? "",
    platform,
    minInstances: Number(parameters["min_boards"] ?? 0) || 0,
    pinned: parameters["pin_boards"] === "true",
    pool,
    load: (device, signal) => loadInstance(parts, definition, variant, device.id, signal),
    demand: () => demandOf(scheduler, pool, model().branches),
  };
}

/** What waits here, and while no device is here, what waits elsewhere and would rather run here. */
function demandOf(scheduler: Scheduler, pool: Pool, branches: readonly Branch[]) {
  const { queuedRows, queuedRequests, oldestWaitMs, arrivedRows, cost } = scheduler;
  const measuredMs = cost.usPerRow / 1000;
  const here = {
    waitingRows: queuedRows,
    waitingRequests: queuedRequests,
    oldestWaitMs,
    arrivedRows,
    msPerRow: measuredMs || ASSUMED_MS_PER_ROW,
    benefit: 1,
    tenants: tenantsOf([scheduler]),
  };
  const others = branches.filter((branch) => branch.scheduler !== scheduler && branch.ready);
  if (pool.lanes.length > 0 || queuedRows > 0 || others.length === 0) return here;
  const slowest = Math.max(...others.map((branch) => branch.msPerRow));
  return {
    waitingRows: sum(others, (branch) => branch.queuedRows),
    waitingRequests: sum(others, (branch) => branch.scheduler.queuedRequests),
    oldestWaitMs: Math.max(...others.map((branch) => branch.scheduler.oldestWaitMs)),
    arrivedRows: sum(others, (branch) => branch.scheduler.arrivedRows),
    // Where it was never measured it is thought to be twice as quick.
    msPerRow: measuredMs || slowest / 2,
    benefit: measuredMs > 0 && slowest > 0 ? Math.max(0, 1 - measuredMs / slowest) : 0.5,
    tenants: tenantsOf(others.map((branch) => branch.scheduler)),
  };
}

function tenantsOf(schedulers: readonly Scheduler[]): TenantRows[] {
  return schedulers.flatMap((scheduler) =>
    Array.from(
      scheduler.takeTenants(),
      ({ tenant: { name: tenant, weight, guarantee }, rows, requests }) => ({
        ...{ tenant, weight, guarantee, rows, requests },
      }),
    ),
  );
}

function routerOf(
  { policy, spillAboveMs }: RoutingSettings,
  variants: readonly VariantDefinition[],
): Router {
  if (policy === "expected-delay") return expectedDelayRouter();
  const order = variants.map(({ name }) => name);
  return preferenceRouter(
    order,
    spillAboveMs === undefined ? undefined : { aboveMs: spillAboveMs },
  );
}

/** With the reason where there are none: the other variants serve all the same. Never rejects. */
async function devicesFor(
  parts: VariantLoaderParts,
  variant: VariantDefinition,
): Promise<{ readonly devices: readonly Device[]; readonly none?: StatusError }> {
  const { manifest, platform } = variant.artifact;
  try {
    const devices = (await parts.devicesOf(variant.backendKind)).filter(
      (device) =>
        (platform === "any" || platform === device.platform) &&
        (manifest === undefined || manifest.vendor === "any" || manifest.vendor === device.vendor),
    );
    return devices.length > 0 ? { devices } : { devices, none: noDevice(variant) };
  } catch (cause) {
    return { devices: [], none: toStatusError(cause) };
  }
}

function noDevice({ backendKind, artifact }: VariantDefinition): StatusError {
  const { manifest, platform } = artifact;
  return new StatusError(
    "UNAVAILABLE",
    `backend '${backendKind}' has no device of platform ${platform}` +
      (manifest ? ` of vendor ${manifest.vendor}` : "") +
      ": 'beamgate device ls' shows those that it has",
  );
}

const sum = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);
