/** Tenants on shared devices, on virtual time: the gateway's own queues, batches, shares and refusals. */
import type { StatusError } from "../../../src/errors.ts";
import type { Caller, Tenant } from "../../../src/inference/caller.ts";
import { type QueueRules, UNBATCHED } from "../../../src/inference/queue-rules.ts";
import type { InferCall, InferRequest } from "../../../src/inference/request.ts";
import { mulberry32 } from "../../../src/inference/seeded-random.ts";
import { newTimeline } from "../../../src/inference/timeline.ts";
import { silent } from "../../../src/logger.ts";
import { DeviceUse } from "../../../src/policy/fair-share/device-use.ts";
import { ShareClock } from "../../../src/policy/fair-share/share-clock.ts";
import { Pool } from "../../../src/pool/pool.ts";
import { Scheduler } from "../../../src/scheduling/scheduler.ts";
import { aRequest, aSignature } from "../requests.ts";
import { aCaller } from "../tenants.ts";
import { EventClock } from "./event-clock.ts";
import { type Cost, SimulatedInstance } from "./simulated-instance.ts";

/** Requests of one tenant, at random times (Poisson). */
export interface Load {
  readonly tenant: Tenant;
  /** Requests a second, at a time of the simulation. */
  perSecond(ms: number): number;
  readonly rows: number;
  /** From the request on; absent: none. */
  readonly deadlineMs?: number;
  /** False: the gateway is not told of the deadline, and nobody hangs up at it. */
  readonly tellsDeadline?: boolean;
}

export interface Devices {
  readonly cost: Cost;
  readonly count: number;
  readonly maxRows: number;
}

/** What became of a request. */
export interface Fate {
  readonly tenant: string;
  readonly rows: number;
  readonly sentAt: number;
  /** When the device began with it; undefined: it never did. */
  readonly startedAt: number | undefined;
  readonly endedAt: number;
  readonly end: "answered" | "refused" | "expired" | "waiting";
  readonly deadline: number;
}

export interface Simulated {
  readonly fates: readonly Fate[];
  /** Device time, by tenant, µs. */
  readonly usedUs: ReadonlyMap<string, number>;
  /** Part of the devices' time in which they worked. */
  readonly busy: number;
}

const dynamic: QueueRules = { ...UNBATCHED, dynamic: true };

export async function simulate(
  loads: readonly Load[],
  devices: Devices,
  ms: number,
  seed = 1,
): Promise<Simulated> {
  const clock = new EventClock();
  const instances = Array.from(
    { length: devices.count },
    (_, at) => new SimulatedInstance(`${at}`, clock, devices.cost),
  );
  const use = new DeviceUse();
  const nothing = () => {};
  const scheduler = new Scheduler({
    signature: aSignature({ maxBatchSize: devices.maxRows }),
    rules: dynamic,
    pool: new Pool(instances, clock.now),
    account: {
      ...{ request: nothing, execution: nothing, response: nothing },
      ...{ cacheMiss: nothing, lost: nothing, pending: nothing },
    },
    clock,
    log: silent,
    patienceMs: 1_000,
    share: { clock: new ShareClock(), use },
  });
  const calls: SimulatedCall[] = [];
  for (const [at, load] of loads.entries()) {
    const random = mulberry32(seed * 1_000 + at);
    const request = aRequest({ rows: load.rows });
    const caller = aCaller(load.tenant);
    const send = () => {
      calls.push(new SimulatedCall(clock, load, caller, request, scheduler));
      next();
    };
    const next = () => {
      const rate = load.perSecond(clock.now());
      // Whoever pauses looks again a little later.
      if (rate > 0) clock.after((-Math.log(1 - random()) * 1_000) / rate, send);
      else clock.after(1, next);
    };
    next();
  }
  await clock.runUntil(ms);
  const startOf = (given: number) =>
    Math.max(
      ...instances.map((instance) => instance.startOf.get(given) ?? Number.NEGATIVE_INFINITY),
    );
  return {
    fates: calls.map((call) => call.fate(startOf)),
    usedUs: new Map([...use.all()].map(({ tenant, usedUs }) => [tenant, usedUs])),
    busy: instances.reduce((sum, { busyUs }) => sum + busyUs, 0) / (ms * 1_000 * devices.count),
  };
}

class SimulatedCall implements InferCall {
  readonly timeline;
  readonly caller: Caller;
  readonly deadline: number;
  cancelled = false;
  onCancel: (() => void) | undefined;
  readonly #clock: EventClock;
  readonly #load: Load;
  readonly #sentAt: number;
  #end: Fate["end"] = "waiting";
  #endedAt = 0;
  #hangUp: (() => void) | undefined;

  constructor(
    clock: EventClock,
    load: Load,
    caller: Caller,
    request: InferRequest,
    scheduler: Scheduler,
  ) {
    const now = clock.now();
    this.#clock = clock;
    this.#load = load;
    this.#sentAt = now;
    this.caller = caller;
    this.timeline = newTimeline(now);
    const { deadlineMs = Number.POSITIVE_INFINITY, tellsDeadline = true } = load;
    this.deadline = tellsDeadline ? now + deadlineMs : Number.POSITIVE_INFINITY;
    try {
      scheduler.submit(request, this);
    } catch (error) {
      this.fail(error as StatusError);
      return;
    }
    if (this.deadline === Number.POSITIVE_INFINITY) return;
    this.#hangUp = clock.after(deadlineMs, () => {
      this.cancelled = true;
      this.#ended("expired");
      this.onCancel?.();
    });
  }

  respond(): void {
    this.#ended("answered");
  }

  fail(_: StatusError): void {
    this.#ended("refused");
  }

  #ended(end: Fate["end"]): void {
    this.#end = end;
    this.#endedAt = this.#clock.now();
    this.#hangUp?.();
  }

  fate(startOf: (given: number) => number): Fate {
    const { dispatched } = this.timeline;
    const { tenant, rows, deadlineMs = Number.POSITIVE_INFINITY } = this.#load;
    return {
      tenant: tenant.name,
      rows,
      sentAt: this.#sentAt,
      startedAt: dispatched > 0 ? startOf(dispatched) : undefined,
      endedAt: this.#endedAt,
      end: this.#end,
      deadline: this.#sentAt + deadlineMs,
    };
  }
}
