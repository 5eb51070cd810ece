/** Whether a request that comes now can be answered before its deadline, by what is waiting and what batches cost. */
import { DEFAULT_TENANT, type Tenant } from "../inference/caller.ts";
import type { InferCall, InferRequest } from "../inference/request.ts";
import { dueAt, latestStart, predictedUs } from "../policy/deadline/deadline.ts";
import type { Lane } from "../pool/lane.ts";
import type { Pool } from "../pool/pool.ts";
import type { CostCurve } from "./cost-curve.ts";
import type { TenantQueues } from "./tenant-queues.ts";

/**
 * Where only the cost of the execution speaks against it, one request in so long is tried all the same, ms:
 * what was slow once would never be measured again.
 */
const TRY_EVERY_MS = 1_000;

export class Forecast {
  readonly #pool: Pool;
  readonly #queues: TenantQueues;
  readonly #curve: CostCurve;
  readonly #maxRows: number;
  #triedAt = Number.NEGATIVE_INFINITY;

  constructor(pool: Pool, queues: TenantQueues, curve: CostCurve, maxRows: number) {
    this.#pool = pool;
    this.#queues = queues;
    this.#curve = curve;
    this.#maxRows = maxRows;
  }

  inTime(request: InferRequest, call: InferCall, now: number): boolean {
    const { deadline } = call;
    if (deadline === Number.POSITIVE_INFINITY) return true;
    const devices = this.#devices();
    if (devices === 0) return deadline > now; // whoever waits for a device may be lucky
    const tenant = call.caller?.tenant ?? DEFAULT_TENANT;
    const before = this.#queues.rowsBefore(tenant, request.priority, dueAt(deadline, now));
    const batchRows = Math.max(1, Math.min(this.#maxRows, this.#curve.limit));
    const needed = predictedUs({
      rows: before + request.rows,
      batchRows,
      batchUs: this.#curve.predictUs(batchRows),
      ownUs: this.#curve.predictUs(Math.min(batchRows, before + request.rows)),
      devices,
      part: this.#queues.partOf(tenant),
      untilFreeUs: this.untilFreeUs(now),
    });
    if (latestStart(deadline, needed) >= now) return true;
    if (before > 0 || now - this.#triedAt < TRY_EVERY_MS || deadline <= now) return false;
    this.#triedAt = now;
    return true;
  }

  /** How long what waits of the tenant will take with its part of the devices, in full batches, ms. */
  waitMsOf(tenant: Tenant): number {
    let rows = 0;
    for (const [name, its] of this.#queues.rowsByTenant()) if (name === tenant.name) rows += its;
    if (rows === 0) return 0;
    const batchRows = Math.max(1, Math.min(this.#maxRows, this.#curve.limit, rows));
    const usOfAll = (rows * this.#curve.predictUs(batchRows)) / batchRows;
    return usOfAll / 1000 / (Math.max(1, this.#devices()) * this.#queues.partOf(tenant));
  }

  /** Until everything that waits now has been begun, s; undefined: no device is in service. */
  secondsAhead(now: number): number | undefined {
    const devices = this.#devices();
    if (devices === 0) return undefined;
    const batchRows = Math.max(1, Math.min(this.#maxRows, this.#curve.limit));
    const rows = this.#queues.rows;
    const rest = rows % batchRows;
    const fullUs = Math.floor(rows / batchRows) * this.#curve.predictUs(batchRows);
    const restUs = rest === 0 ? 0 : this.#curve.predictUs(rest);
    return (this.untilFreeUs(now) + (fullUs + restUs) / devices) / 1e6;
  }

  #devices(): number {
    return this.#pool.lanes.reduce((sum, lane) => sum + (lane.inService ? 1 : 0), 0);
  }

  /** Until a device is done with what it was given, µs. */
  untilFreeUs(now: number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const lane of this.#pool.lanes) {
      if (lane.inService) soonest = Math.min(soonest, busyUs(lane, this.#curve, now));
    }
    return soonest;
  }
}

/** How long the device will be busy with what it was given, µs. */
export function busyUs(lane: Lane, curve: CostCurve, now: number): number {
  const { running, busySince, lastRows, idle } = lane;
  if (idle || running === 0) return 0;
  const eachUs = curve.predictUs(lastRows);
  const doneUs = Math.min(eachUs, (now - busySince) * 1000);
  const waitingBehind = Math.max(0, running - lane.instance.report.maxInFlight);
  return eachUs * (1 + waitingBehind) - doneUs;
}
