/**
 * What a model shows when it runs for the first time: that it runs at all, that
 * its outputs are those it is configured with, how long one row takes, and
 * whether a row gives the same bits alone and in company.
 */
import {
  BackendError,
  type ModelInstance,
  type ModelVariant,
  type Tensor,
} from "../../backends/contract.ts";
import { isBatchInvariant } from "./batch-invariance.ts";
import { wrongWithOutputs } from "./check-outputs.ts";
import { zeroInputs } from "./sample-tensors.ts";

export interface ProbeReport {
  /** Smallest time of one execution with one row, µs. */
  readonly firstRunUs: number;
  /** undefined: no batch axis, or too slow to try. */
  readonly batchInvariant: boolean | undefined;
}

/** Lengths to try for axes of any length: some models need a few points, neighbours or tokens. */
const FREE_DIMS = [1, 2, 4, 16, 64];
const TYPICAL_DIM = 16;
/** Runs after the first, to find the time of a warm one. */
const TIMED_RUNS = 3;
/** For the timed runs; and for the whole comparison of rows alone and in batches. */
const BUDGET_MS = 150;

const now = () => performance.now();

/** @throws BackendError where the model does not run, or answers with other tensors than configured. */
export async function probe(
  variant: ModelVariant,
  instance: ModelInstance,
  signal: AbortSignal,
): Promise<ProbeReport> {
  const smoke = await smokeRun(variant, instance, signal);
  if (variant.decoupled) return { firstRunUs: smoke.tookMs * 1000, batchInvariant: undefined };
  let shortestMs = smoke.tookMs;
  for (let i = 0; i < TIMED_RUNS && shortestMs * (TIMED_RUNS - i) < BUDGET_MS; i++) {
    const begin = now();
    await execute(variant, instance, smoke.inputs, 1, signal);
    shortestMs = Math.min(shortestMs, now() - begin);
  }
  const worthTrying = variant.maxBatchSize > 0 && shortestMs * 10 < BUDGET_MS;
  const batchInvariant = worthTrying
    ? await isBatchInvariant(variant, await typicalDim(variant, instance, smoke.freeDim, signal), {
        run: (inputs, rows) => execute(variant, instance, inputs, rows, signal),
        now,
        budgetMs: BUDGET_MS,
      })
    : undefined;
  return { firstRunUs: shortestMs * 1000, batchInvariant };
}

/** A length at which kernels behave as in real use, where the model takes it. */
async function typicalDim(
  variant: ModelVariant,
  instance: ModelInstance,
  workingDim: number,
  signal: AbortSignal,
): Promise<number> {
  if (!hasFreeDims(variant) || workingDim >= TYPICAL_DIM) return workingDim;
  try {
    await execute(variant, instance, zeroInputs(variant, TYPICAL_DIM), 1, signal);
    return TYPICAL_DIM;
  } catch {
    return workingDim;
  }
}

function hasFreeDims({ inputs }: ModelVariant): boolean {
  return inputs.some(({ shape }) => shape.includes(-1));
}

interface SmokeRun {
  readonly inputs: readonly Tensor[];
  readonly freeDim: number;
  readonly tookMs: number;
}

/** One row of zeros through the model. Real repositories hold models that load and fail at every run. */
async function smokeRun(
  variant: ModelVariant,
  instance: ModelInstance,
  signal: AbortSignal,
): Promise<SmokeRun> {
  let reason: unknown;
  for (const freeDim of hasFreeDims(variant) ? FREE_DIMS : [1]) {
    const inputs = zeroInputs(variant, freeDim);
    const begin = now();
    let outputs: readonly Tensor[];
    try {
      outputs = await execute(variant, instance, inputs, 1, signal);
    } catch (cause) {
      // The reason for the shortest tensors is the clearest.
      reason ??= cause;
      continue;
    }
    const tookMs = now() - begin;
    const wrong = variant.decoupled ? undefined : wrongWithOutputs(variant, outputs, 1);
    if (wrong !== undefined) throw new BackendError("artifact", wrong);
    return { inputs, freeDim, tookMs };
  }
  const fault = reason instanceof BackendError && isTransient(reason) ? reason.fault : "artifact";
  const message = reason instanceof Error ? reason.message : String(reason);
  throw new BackendError(fault, `the model loads but does not run: ${message}`, { cause: reason });
}

function isTransient(error: BackendError): boolean {
  return error.fault === "exhausted" || error.fault === "device";
}

async function execute(
  variant: ModelVariant,
  instance: ModelInstance,
  inputs: readonly Tensor[],
  rows: number,
  signal: AbortSignal,
): Promise<readonly Tensor[]> {
  const execution = {
    inputs,
    outputs: variant.outputs.map(({ name }) => name),
    members: [{ rows }],
    reserve: () => undefined,
  };
  if (!variant.decoupled || instance.stream === undefined) {
    return instance.execute(execution, signal);
  }
  await instance.stream(execution, async () => {}, signal);
  return [];
}
