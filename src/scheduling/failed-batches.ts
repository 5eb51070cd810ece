/**
 * What is done with a batch whose execution failed: another device of the variant, another variant,
 * once more here, or an error for whoever is guilty. `recovery.ts` decides about the last two.
 */
import { BackendError } from "../../backends/contract.ts";
import type { Account } from "../inference/outcome.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { Logger } from "../logger.ts";
import { type Lane, WorkerLost } from "../pool/lane.ts";
import type { Pool } from "../pool/pool.ts";
import type { Endings } from "./endings.ts";
import type { Entry } from "./entry.ts";
import { afterFailure } from "./recovery.ts";
import type { Repeats } from "./repeats.ts";
import type { Rescuer } from "./rescuer.ts";
import { tellFailed } from "./stories.ts";
import type { StreamedBatch } from "./streamed-batch.ts";

export interface FailedBatchesParts {
  readonly signature: ModelSignature;
  readonly pool: Pool;
  readonly account: Account;
  readonly endings: Endings;
  readonly rescuer: Rescuer;
  readonly repeats: Repeats;
  readonly log: Logger;
}

export class FailedBatches {
  readonly #parts: FailedBatchesParts;

  constructor(parts: FailedBatchesParts) {
    this.#parts = parts;
  }

  /**
   * Everything that may run again here is among the repeats afterwards.
   * @returns of those, the ones that are halved or repeated, not those that another device gets
   */
  settle(
    lane: Lane,
    all: readonly Entry[],
    error: unknown,
    streamed?: StreamedBatch,
  ): readonly Entry[] {
    const { signature, account, endings, rescuer, repeats } = this.#parts;
    const batch = streamed ? streamed.fail(error) : all;
    const alive = batch.filter((entry) => !entry.call.cancelled);
    for (const entry of batch) if (entry.call.cancelled) endings.cancelled(entry);
    if (error instanceof WorkerLost) account.lost(signature, error.executing);
    tellFailed(alive, lane.instance, error);
    const stuck = streamed ? alive : this.#notMoved(lane, alive, error);
    const left = worksElsewhere(error) ? rescuer.left(stuck, error) : stuck;
    const next = afterFailure(left, error);
    if (next.again.length > 0) this.#warn(error, left.length, next.again.length);
    for (const { entry, status } of next.failed) {
      if (isOfClient(error) || !rescuer.rescued(entry, error)) {
        endings.failed(entry, status, "BACKEND");
      }
    }
    repeats.putFirst(next.again);
    return next.again.flat();
  }

  #warn(error: unknown, requests: number, batches: number): void {
    const { signature, log } = this.#parts;
    log.warn("an execution failed and is repeated", {
      model: signature.name,
      version: signature.version,
      requests,
      batches,
      reason: error instanceof Error ? error.message : String(error),
    });
  }

  /** A device failed: another one of this variant is tried before another variant is. */
  #notMoved(lane: Lane, batch: readonly Entry[], error: unknown): readonly Entry[] {
    const { pool, repeats } = this.#parts;
    if (!isOfDevice(error) || !pool.hasOther(lane)) return batch;
    const most = pool.lanes.length - 1;
    const movable = batch.filter(({ moves }) => moves < most);
    for (const entry of movable) {
      entry.moves += 1;
      entry.avoid = lane;
    }
    if (movable.length > 0) repeats.putFirst([movable]);
    return batch.filter((entry) => !movable.includes(entry));
  }
}

const isOfClient = (error: unknown) => error instanceof BackendError && error.fault === "input";

/** Faults of a device, not of the request or the model: another device may do better at once. */
function worksElsewhere(error: unknown): boolean {
  return error instanceof WorkerLost || isOfDevice(error);
}

function isOfDevice(error: unknown): boolean {
  return error instanceof BackendError && (error.fault === "device" || error.fault === "exhausted");
}
