/**
 * What becomes of a batch whose execution failed. A pure decision.
 *
 * A worker's death costs no client an error: the batch runs again, elsewhere or
 * after the respawn. One that has killed its worker twice holds, most likely, a
 * request that kills workers: it is halved until that one is alone, and only
 * that one fails. A batch that the backend refused as a whole is halved at once,
 * for the same reason; nobody died of it.
 */
import { BackendError, type BackendFault } from "../../backends/contract.ts";
import { type CodeName, StatusError, toStatusError } from "../errors.ts";
import { WorkerLost } from "../pool/lane.ts";
import type { Entry } from "./entry.ts";

/** Deaths that a batch may cause before it is halved. */
const DEATHS_BEFORE_HALVING = 2;
/** Deaths after which a request that was alone each last time is the guilty one. */
const DEATHS_BEFORE_FAILING = 3;

const CODE_OF: Readonly<Record<BackendFault, CodeName>> = {
  artifact: "INTERNAL",
  input: "INVALID_ARGUMENT",
  exhausted: "RESOURCE_EXHAUSTED",
  device: "UNAVAILABLE",
  internal: "INTERNAL",
};

export interface Recovery {
  /** Batches to run again, in order, before anything else. */
  readonly again: readonly (readonly Entry[])[];
  readonly failed: readonly { readonly entry: Entry; readonly status: StatusError }[];
}

export function afterFailure(batch: readonly Entry[], error: unknown): Recovery {
  if (batch.length === 0) return { again: [], failed: [] };
  if (error instanceof WorkerLost) return afterDeath(batch, error);
  const [first] = batch;
  if (batch.length > 1) return { again: halves(batch), failed: [] };
  return { again: [], failed: first ? [{ entry: first, status: statusOf(error) }] : [] };
}

function afterDeath(batch: readonly Entry[], lost: WorkerLost): Recovery {
  // A batch that only waited in the dead worker's socket has nothing to do with it.
  if (!lost.executing) return { again: [batch], failed: [] };
  for (const entry of batch) entry.deaths += 1;
  const deaths = Math.max(...batch.map((entry) => entry.deaths));
  const [first] = batch;
  if (first && batch.length === 1 && deaths >= DEATHS_BEFORE_FAILING) {
    const text = `the worker died ${deaths} times while it ran this request: ${lost.message}`;
    return { again: [], failed: [{ entry: first, status: new StatusError("INTERNAL", text) }] };
  }
  if (batch.length === 1 || deaths < DEATHS_BEFORE_HALVING) return { again: [batch], failed: [] };
  // Each half starts with one death to its name: the next one halves it again.
  for (const entry of batch) entry.deaths = DEATHS_BEFORE_HALVING - 1;
  return { again: halves(batch), failed: [] };
}

function halves(batch: readonly Entry[]): (readonly Entry[])[] {
  const middle = batch.length >> 1;
  return [batch.slice(0, middle), batch.slice(middle)];
}

/** What a client is told of an execution that failed. */
export function statusOf(error: unknown): StatusError {
  if (error instanceof BackendError) {
    return new StatusError(CODE_OF[error.fault], error.message, { cause: error });
  }
  if (error instanceof RangeError) {
    return new StatusError("RESOURCE_EXHAUSTED", error.message, { cause: error });
  }
  return toStatusError(error);
}
