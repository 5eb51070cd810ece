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
import type { InferRequest, ModelSignature } from "../inference/request.ts";
import { splitOutputs } from "../inference/split-outputs.ts";
import { isBatchInvariant } from "./batch-invariance.ts";
import { wrongWithOutputs } from "./check-outputs.ts";
import { clientOutputs, joinRequests, sampledSignature, sampleRequest } from "./sample-requests.ts";

export interface ProbeReport {
  /** Smallest time of one execution with one row, µs. */
  readonly firstRunUs: number;
  /** undefined: no batch axis, or too slow to try. */
  readonly batchInvariant: boolean | undefined;
  /** Length of axes of any length with which it ran. */
  readonly freeDim: number;
}

/** Lengths to try for axes of any length: some models need a few points, neighbours or tokens. */
const FREE_DIMS = [1, 2, 4, 16, 64];
const TYPICAL_DIM = 16;
/** Runs after the first, to find the time of a warm one. */
const TIMED_RUNS = 3;
/** For the timed runs; and for the whole comparison of rows alone and in batches. */
const BUDGET_MS = 150;

const now = () => performance.now();

/** What is run: a model, and what clients send it. */
export interface Trial {
  readonly variant: ModelVariant;
  readonly signature: ModelSignature;
  readonly instance: ModelInstance;
  readonly signal: AbortSignal;
}

const zero = () => 0;

/**
 * @param signature absent: clients send what the model takes
 * @throws BackendError where the model does not run, or answers with other tensors than configured
 */
export async function probe(
  variant: ModelVariant,
  instance: ModelInstance,
  signal: AbortSignal,
  signature?: ModelSignature,
): Promise<ProbeReport> {
  const trial = { variant, signature: sampledSignature(variant, signature), instance, signal };
  const smoke = await smokeRun(trial);
  const { freeDim } = smoke;
  if (variant.decoupled) {
    return { firstRunUs: smoke.tookMs * 1000, batchInvariant: undefined, freeDim };
  }
  let shortestMs = smoke.tookMs;
  for (let i = 0; i < TIMED_RUNS && shortestMs * (TIMED_RUNS - i) < BUDGET_MS; i++) {
    const begin = now();
    await execute(trial, [smoke.request]);
    shortestMs = Math.min(shortestMs, now() - begin);
  }
  // Rows of a sequence model mean something by their company: there is nothing to compare.
  const worthTrying =
    variant.maxBatchSize > 0 && variant.states === undefined && shortestMs * 10 < BUDGET_MS;
  const batchInvariant = worthTrying
    ? await isBatchInvariant(trial.signature, await typicalDim(trial, freeDim), {
        run: (requests) => execute(trial, requests),
        now,
        budgetMs: BUDGET_MS,
      })
    : undefined;
  return { firstRunUs: shortestMs * 1000, batchInvariant, freeDim };
}

/** A length at which kernels behave as in real use, where the model takes it. */
async function typicalDim(trial: Trial, workingDim: number): Promise<number> {
  if (!hasFreeDims(trial.signature) || workingDim >= TYPICAL_DIM) return workingDim;
  try {
    await execute(trial, [sampleRequest(trial.signature, TYPICAL_DIM, zero)]);
    return TYPICAL_DIM;
  } catch {
    return workingDim;
  }
}

function hasFreeDims({ inputs }: ModelSignature): boolean {
  return inputs.some(({ shape }) => shape.includes(-1));
}

interface SmokeRun {
  readonly request: InferRequest;
  readonly freeDim: number;
  readonly tookMs: number;
}

/** One row of zeros through the model. Real repositories hold models that load and fail at every run. */
async function smokeRun(trial: Trial): Promise<SmokeRun> {
  const { variant, signature } = trial;
  let reason: unknown;
  for (const freeDim of hasFreeDims(signature) ? FREE_DIMS : [1]) {
    const request = sampleRequest(signature, freeDim, zero);
    const begin = now();
    let outputs: readonly Tensor[];
    try {
      outputs = await execute(trial, [request]);
    } catch (cause) {
      // The reason for the shortest tensors is the clearest.
      reason ??= cause;
      continue;
    }
    const tookMs = now() - begin;
    if (!variant.decoupled) checkAnswer(trial, request, outputs);
    return { request, freeDim, tookMs };
  }
  const fault = reason instanceof BackendError && isTransient(reason) ? reason.fault : "artifact";
  const message = reason instanceof Error ? reason.message : String(reason);
  throw new BackendError(fault, `the model loads but does not run: ${message}`, { cause: reason });
}

/** @throws BackendError where it is not the configured one, or cannot be given back in parts. */
function checkAnswer(
  { variant, signature }: Trial,
  request: InferRequest,
  outputs: readonly Tensor[],
): void {
  const wrong = wrongWithOutputs(variant, outputs, request.rows);
  if (wrong !== undefined) throw new BackendError("artifact", wrong);
  try {
    splitOutputs(signature, [request], clientOutputs(signature, outputs));
  } catch (cause) {
    throw new BackendError("artifact", cause instanceof Error ? cause.message : String(cause));
  }
}

function isTransient(error: BackendError): boolean {
  return error.fault === "exhausted" || error.fault === "device";
}

export async function execute(
  { variant, instance, signal }: Trial,
  requests: readonly InferRequest[],
): Promise<readonly Tensor[]> {
  const execution = {
    inputs: joinRequests(variant, requests),
    outputs: variant.outputs.map(({ name }) => name),
    members: requests.map(({ rows }) => ({ rows })),
    reserve: () => undefined,
  };
  if (!variant.decoupled || instance.stream === undefined) {
    return instance.execute(execution, signal);
  }
  await instance.stream(execution, async () => {}, signal);
  return [];
}
